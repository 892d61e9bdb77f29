"""The record of a run: its folder, lock, events and status; free of torch, so that panels can read it too."""
