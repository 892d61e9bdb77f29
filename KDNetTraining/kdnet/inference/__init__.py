"""From volumes to labelmaps on exactly their grids."""
