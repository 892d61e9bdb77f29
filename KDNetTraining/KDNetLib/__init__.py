"""Code shared by both modules: folders, processes, dependencies, and a few widgets.

Only ``InstallPanel``, ``Tables`` and ``PollTimer`` depend on Qt, and nothing here depends on a module.
"""
