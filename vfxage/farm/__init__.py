"""A shot on many machines: as a job that a farm's own scheduler runs."""
