"""Measurements of one patient's labelmaps: lesions, diameters, change between visits. No torch."""
