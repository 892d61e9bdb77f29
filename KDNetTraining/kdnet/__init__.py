"""KD-Net: distil a multi-modal teacher into a mono-modal student for segmentation (Hu, Maillard et al., MICCAI 2020)."""

__version__ = "0.1.0"
