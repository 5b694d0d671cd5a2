"""The laboratory: portraits, the mean face, training pairs, training and evaluation. No render imports it."""
