"""The record of a run: its folder, lock, events and status; no torch, so that panels read it too."""
