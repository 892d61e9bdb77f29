"""Collecting corrected segmentations as training cases; no torch."""
