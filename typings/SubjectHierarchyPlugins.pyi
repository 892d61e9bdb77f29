# Slicer: importing it puts the folder of plugins of the subject hierarchy on sys.path.
