"""Training: labelled portraits in, an ager's checkpoint out. ``load_recipe`` and ``train`` are the doors."""

from vfxage.train.recipe import Recipe, load_recipe

__all__ = ["Recipe", "load_recipe"]
