"""Training of the network that finds hair and beards for ``relief``."""
