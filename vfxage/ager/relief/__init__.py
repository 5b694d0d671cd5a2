"""An ager without donors: age as a height field on the mean face, shaded by the light of the plate."""

from vfxage.ager.relief.ager import ReliefAger

__all__ = ["ReliefAger"]
