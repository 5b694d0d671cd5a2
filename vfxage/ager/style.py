"""Another face's style for SAM: the codes of a reference picture, or of chance, in chosen layers of the answer."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vfxage.ager.contract import Ager
from vfxage.ager.network import NetworkAger
from vfxage.ager.sam import INPUT, Mix, Sam
from vfxage.colour.cicp import SRGB
from vfxage.colour.space import Colour, plate_colour
from vfxage.errors import ReadError, ShotError
from vfxage.face.detect import FaceFinder
from vfxage.geometry import crop_transform, warp_to_crop
from vfxage.media import open_reader
from vfxage.shot.models import Style
from vfxage.types import F32, Framing


def styled(ager: Ager, style: Style) -> NetworkAger:
    """The ager with the style mixed into each of its answers.

    Raises ShotError for an ager that takes no style, ReadError for a reference that cannot be read or shows no face.
    """
    if not isinstance(ager, NetworkAger) or not isinstance(network := ager.network, Sam):
        raise ShotError(f"{ager.name} takes no style", fix="remove `style:`, or name a checkpoint of SAM as `model:`")
    shown = None if style.reference is None else reference_crop(Path(style.reference))
    with torch.inference_mode():
        codes = network.drawn_codes(style.seed or 0) if shown is None else _codes_of(network, shown)
    digest = hashlib.sha256(b"" if shown is None else shown.tobytes()).hexdigest()
    made = f"style {style.seed} {digest} {style.layers} {style.amount}"
    return ager.with_network(network.with_mix(Mix(codes, style.layers, style.amount)), made)


def _codes_of(network: Sam, shown: F32) -> Tensor:
    place = network.latent_avg.device
    rgb = torch.from_numpy(shown).permute(2, 0, 1)[None].to(place) * 2 - 1
    return network.look(rgb)[0]


def reference_crop(path: Path) -> F32:
    """The largest face of a picture, framed as FFHQ: (256, 256, 3) sRGB, 0..1. Of a movie: the first frame.

    Raises ReadError where the file cannot be read or shows no face, ShotError for a format that vfxage does not read.
    """
    with closing(open_reader(path)) as reader:
        clip = reader.info
        with closing(reader.read([clip.present[0] if clip.present else clip.first])) as frames:
            (frame,) = frames
    colour = plate_colour(clip) if clip.colorspace else Colour(SRGB)
    with FaceFinder() as finder:
        found = finder.find(colour.to_sdr8(frame.rgb))
    if not found:
        raise ReadError("shows no face", path=path, fix="give a picture of a face, large and upright")
    to_frame = crop_transform(np.asarray(found[0].points, np.float32), Framing(name="ffhq"), INPUT)
    encoded = np.clip(colour.encode(np.nan_to_num(frame.rgb)), 0.0, 1.0)
    return np.clip(warp_to_crop(encoded, frame.window, to_frame, INPUT), 0.0, 1.0)
