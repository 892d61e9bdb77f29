"""From a volume to the network's input: foreground, resampling, normalization, the cache."""
