"""From a volume to what a network sees: foreground, resampling, normalization, the cache."""
