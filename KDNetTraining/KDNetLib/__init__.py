"""What both modules need: folders, processes, dependencies, and the few widgets that they share.

Only ``InstallPanel``, ``Tables`` and ``Ticker`` know Qt, and nothing here knows one of the modules.
"""
