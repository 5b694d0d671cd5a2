"""The matte of the person on a crop, by the people segmentation in MediaPipe's wheel."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from vfxage.ager.relief.square import enlarged, laid_out, square_of
from vfxage.face.detect.graphs import PERSON_SIDE, PersonNetwork
from vfxage.types import F32, FaceCrop


class PersonMatte:
    """Finds the person; starts its network at the first crop. Thread-safe: one crop at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._network: PersonNetwork | None = None

    def __call__(self, crop: FaceCrop) -> F32:
        """(S, S) 0..1 for a crop (S, S, 3), display-referred sRGB, found in the square that FFHQ would cut from it.

        Raises InstallError if MediaPipe fails.
        """
        size = len(crop.rgb)
        square = square_of(crop.points, size)
        rgb = enlarged(crop.rgb, square)
        method = cv2.INTER_AREA if size > PERSON_SIDE else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (PERSON_SIDE, PERSON_SIDE), interpolation=method)
        picture = np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)
        with self._lock:
            if self._network is None:
                self._network = PersonNetwork()
            matte = self._network(picture)
        matte = np.clip(np.asarray(cv2.resize(matte, (size, size), interpolation=cv2.INTER_LINEAR), np.float32), 0, 1)
        return laid_out(matte, square)
