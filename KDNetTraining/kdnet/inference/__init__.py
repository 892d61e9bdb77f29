"""Inference: run a network on volumes, giving labelmaps on exactly the same grid."""
