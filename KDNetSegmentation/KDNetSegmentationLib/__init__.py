"""The parts of the KDNetSegmentation module."""
