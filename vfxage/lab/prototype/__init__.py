"""Prototypes made from labelled portraits, and the pairs that a network learns from them."""
