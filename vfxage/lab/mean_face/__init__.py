"""The mean face of labelled portraits, which ``relief`` is drawn on."""
