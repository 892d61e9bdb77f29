"""What both modules need of the outside world: folders, processes, dependencies. Nothing here needs Slicer or Qt."""
