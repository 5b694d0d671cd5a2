"""Training: labelled portraits in, an ager's checkpoint out. Start with ``load_recipe`` and ``loop.train``."""

from vfxage.lab.train.recipe import Recipe, load_recipe

__all__ = ["Recipe", "load_recipe"]
