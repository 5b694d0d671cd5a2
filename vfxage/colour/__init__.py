"""Colour: named spaces to and from scene-linear light, transfer curves, and conversion for outputs."""
