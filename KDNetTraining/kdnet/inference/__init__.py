"""Inference: from volumes to labelmaps on exactly the same grid."""
