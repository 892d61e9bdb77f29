"""Segmentation: from files and folders to labelmaps, a results table, and the worker of the Slicer module."""
