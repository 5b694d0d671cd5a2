"""Formats: one module each, one row each in FORMATS."""
