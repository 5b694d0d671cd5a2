"""The contract of agers: a pure function from encoded crops to encoded steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, FaceCrop, Framing, Study


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer(ArrayData):
    """An ager's answer for one crop of S pixels."""

    step: F32 = field(metadata=shaped("S", "S", 3))
    """The aged crop minus the crop, display-referred sRGB: finite, usually within -1..1, not clamped.

    It is exactly 0 where nothing changes. The caller applies matte, intensity and regions.
    """
    reach: F32 | None = field(default=None, metadata=shaped("S", "S"))
    """Where the step goes beyond the matte of the head, such as long hair: 0..1, exactly 0 on the crop's border.

    The caller joins it to the matte if the shot's matte is the head's. None means nowhere.
    """


class Ager(Protocol):
    """Ages faces: crops in, answers out.

    A call is a pure function of each crop: its pixels, landmarks, ages and study. So any split of the work, any number
    of threads and any neighbours in a call give the same bits.
    """

    name: str
    """relief, bands, onnx, the architecture's name, or "fran" for a vfxage checkpoint."""
    fingerprint: str
    """Changes whenever the answers may: weights, settings, the ager's METHOD number, the device."""
    device: str
    """The device that it runs on, named by ``cores.device_key``: "cpu", or eight hex digits of the GPU's model."""
    framing: Framing
    """How ``vfxage.face.crop`` frames a face for it."""
    sizes: tuple[int, ...]
    """Crop sizes it takes, ascending, pixels."""
    frames_per_call: int
    """How many frames' crops to hand over in one call."""
    workers_default: int
    """How many threads should call it at once."""
    note: str
    """One line for people: what it is, where it runs, its licence."""
    study_method: str
    """Name and version of what ``study`` measures; empty for an ager that measures nothing once per shot."""

    def study(
        self, samples: Sequence[FaceCrop], references: Sequence[FaceCrop] = (), donors: Sequence[FaceCrop] = ()
    ) -> Study:
        """Measure what one face keeps through a shot (its light, skin, hair) from samples of its crops.

        ``samples`` are a few crops of one face over the whole shot, in frame order. ``references`` are crops of
        photographs of the same person, whose ``ages`` are their age there twice. ``donors`` are crops of photographs of
        anybody, whose skin the face may take; their names are the files' paths. The result is named float32 arrays that
        only this ager reads. It is saved with the tracks while ``study_method``, tracks and crop plan are the same,
        and it comes back as ``FaceCrop.study`` with every crop of this face. Raises ReadError for a donor of no use.
        """
        ...

    def fingerprint_on(self, device: str) -> str:
        """Give the fingerprint of the same ager on another device, named as in ``device``.

        Two devices may round differently. A host without a GPU uses this to judge frames that a GPU rendered. An ager
        that always runs on the CPU gives the same answer for every device.
        """
        ...

    def hair(self, crop: FaceCrop) -> F32 | None:
        """The hair of the head on this crop, (S, S) 0..1 and exactly 0 on the crop's border, whatever the ages are.

        None for an ager that finds no hair. A pure function of the crop.
        """
        ...

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop, in the order of the crops, which may differ in size. Thread-safe.

        Raises ShotError for a crop size that is not in ``sizes``, ModelError where a network fails or memory runs out.
        """
        ...


class MeasuresNothing:
    """Base of agers that look at each crop alone and measure nothing once per shot."""

    study_method = ""

    def study(
        self, samples: Sequence[FaceCrop], references: Sequence[FaceCrop] = (), donors: Sequence[FaceCrop] = ()
    ) -> Study:
        """Give an empty study."""
        return {}

    def hair(self, crop: FaceCrop) -> F32 | None:
        """Find no hair."""
        return None
