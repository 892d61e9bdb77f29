"""Attributes and references by which nodes of the scene that the extension made are recognized."""

MAP_ATTRIBUTE = "KDNet.map"  # attribute of a map volume: the region whose probability it shows, or UNCERTAINTY
UNCERTAINTY = "uncertainty"
MASK_ATTRIBUTE = "KDNet.brainMask"  # attribute of a brain mask: digest of the mask as it was found
VOLUME_REFERENCE = "KDNet.volume"  # reference from a map, a brain mask or a transform to its volume
FIRST_REFERENCE = "KDNet.first"  # reference from a transform to the volume that its volume was registered to
