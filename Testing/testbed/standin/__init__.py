"""A small stand-in for the application around MRML: qt, ctk, qMRML widgets and scripted modules.

MRML itself is real (slicer-core), and so are the views (trame-slicer) and ``slicer.util``. The rest is as much of the
application as the module under test uses, and refuses what the application refuses; see ``application.py``.
"""
