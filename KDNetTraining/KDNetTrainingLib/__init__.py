"""The parts of the KDNetTraining module."""
