"""An ager from portraits: the mean face's change with age, and old skin by region, locked to the mesh."""

from vfxage.ager.prototype.ager import PrototypeAger

__all__ = ["PrototypeAger"]
