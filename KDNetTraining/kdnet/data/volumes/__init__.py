"""Volumes: geometry, reading and writing of image files, checks of foreign bytes."""
