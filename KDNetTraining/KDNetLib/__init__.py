"""Code shared by both modules; nothing here depends on a module.

- ``Worker``, ``Command``, ``ProcessTree``, ``PollTimer``: processes alongside Slicer
- ``Dependencies``, ``Installation``, ``InstallPanel``: Python packages that the backend needs
- ``ModelInfo``, ``ModelLibrary``: model files
- ``SegmentationNode``, ``Geometry``: from a labelmap to a segmentation node; they need numpy
- ``ModuleShell``, ``Tables``, ``Paths``: the module files and widgets
"""
