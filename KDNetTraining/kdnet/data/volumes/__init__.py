"""Volumes: geometry, reading and writing image files, validation of untrusted files."""
