"""KD-Net: a teacher of many modalities distilled into a student of one (Hu, Maillard et al., MICCAI 2020)."""

__version__ = "0.1.0"
