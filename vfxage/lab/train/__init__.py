"""Training: labelled portraits in, an ager's checkpoint out. ``load_recipe`` and ``loop.train`` are the doors."""

from vfxage.lab.train.recipe import Recipe, load_recipe

__all__ = ["Recipe", "load_recipe"]
