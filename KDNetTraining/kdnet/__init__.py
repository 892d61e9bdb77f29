"""KD-Net: distillation of a multimodal teacher into a single-modality student (Hu, Maillard et al., MICCAI 2020)."""

__version__ = "0.2.0"
