"""Agers: networks, checkpoints, and the ager that needs no weights."""
