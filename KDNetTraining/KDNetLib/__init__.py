"""What both modules need: folders, processes, dependencies, and the few widgets that they share.

Only ``InstallPanel``, ``Tables`` and ``PollTimer`` know Qt, and nothing here knows one of the modules.
"""
