"""The colour space of an ICC profile, beside those of OpenColorIO's built-in config."""

from __future__ import annotations

import copy
from typing import Any

from vfxage.colour import icc_transform
from vfxage.colour.config import BUILTIN, loaded_config
from vfxage.colour.converter import Converter, OwnLinear
from vfxage.colour.icc import Profile
from vfxage.colour.mixed import MixedChannels
from vfxage.errors import ShotError

_REFERENCE = "ACES2065-1"
_TO_REFERENCE = "UTILITY - ACES-AP0_to_CIE-XYZ-D65_BFD"
"""The inverse of this transform takes CIE XYZ (D65) to ``_REFERENCE``."""

_TABLES_LIGHT = "ACEScg"
"""The linear space of codes whose profile is tables, which has no primaries: wide enough for cameras' colours."""


class ProfileConverter(Converter):
    """The built-in config, with the space of an ICC profile under ``Profile.name``. Raises ProfileError."""

    def __init__(self, profile: Profile) -> None:
        import PyOpenColorIO as Ocio

        super().__init__(loaded_config(BUILTIN))
        self._config = copy.deepcopy(self._config)
        # OpenColorIO keeps processors by a text of their transforms, in which every curve of one length is the same.
        self._config.setProcessorCacheFlags(Ocio.PROCESSOR_CACHE_OFF)
        self._name = profile.name
        self._linear_codes = profile.linear
        self._to_reference = icc_transform.to_xyz(profile)
        self._to_reference.appendTransform(Ocio.BuiltinTransform(_TO_REFERENCE, Ocio.TRANSFORM_DIR_INVERSE))

    def find(self, name: str) -> Any:
        """The colour space of this name; that of the profile has no transform of its own."""
        import PyOpenColorIO as Ocio

        return Ocio.ColorSpace(name=name, encoding="sdr-video") if name == self._name else super().find(name)

    def is_linear(self, name: str) -> bool:
        """Whether code values are proportional to light."""
        return self._linear_codes if name == self._name else super().is_linear(name)

    def own_linear(self, name: str, linear: bool) -> OwnLinear:
        """The linear space with the same primaries, and the way there."""
        try:
            return super().own_linear(name, linear)
        except ShotError:
            if name != self._name:
                raise
        there, back = self.processor(name, _TABLES_LIGHT), self.processor(_TABLES_LIGHT, name)
        return OwnLinear(_TABLES_LIGHT, MixedChannels(there, back), self._to_xyz_matrix(_TABLES_LIGHT), mixes=True)

    def processor(self, source: str, target: str) -> Any:
        """OpenColorIO's processor from one space to another."""
        import PyOpenColorIO as Ocio

        if self._name not in (source, target):
            return super().processor(source, target)
        inverse = target == self._name
        to_other = Ocio.ColorSpaceTransform(src=_REFERENCE, dst=source if inverse else target)
        group = Ocio.GroupTransform([*self._to_reference, to_other])
        direction = Ocio.TRANSFORM_DIR_INVERSE if inverse else Ocio.TRANSFORM_DIR_FORWARD
        return self._config.getProcessor(group, direction)
