"""Data set layouts: BraTS, Medical Segmentation Decathlon, nnU-Net."""
