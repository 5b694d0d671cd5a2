"""Writes an H.264 preview movie that any player can show."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vfxage.colour.cicp import SRGB, to_cicp
from vfxage.errors import WriteError
from vfxage.media.movie.codecs import H264
from vfxage.media.movie.encode import encode_picture, frame_size
from vfxage.media.movie.mux import Muxer, Setup
from vfxage.media.movie.source import reason
from vfxage.media.movie.tags import Tags, tags_for
from vfxage.publish import publish, unwritten
from vfxage.types import U8


def write_h264(path: str | Path, frames: Iterable[U8], rate: Fraction, space: str = SRGB) -> None:
    """Write pictures (H, W, 3) uint8, all of one size, as yuv420p with the tags of their colour space.

    ``space`` is the OpenColorIO name of a display's space; one that tags cannot name gets those of sRGB.
    The movie appears when it is complete. Takes one picture at a time. Raises WriteError, also if there are no frames.
    """
    path = Path(path)
    primaries, transfer, matrix = tags_for(space if to_cicp(space) else SRGB)
    tags = Tags(primaries=primaries, transfer=transfer, matrix=matrix, full_range=False)
    try:
        with publish(path) as partial, ExitStack() as stack:
            muxer = None
            for frame in frames:
                height, width = frame.shape[:2]
                if muxer is None:
                    even = frame_size(H264, width, height)
                    muxer = Muxer(partial, Setup(form=H264, width=even[0], height=even[1], rate=rate, tags=tags))
                    stack.callback(muxer.abandon)
                muxer.add(encode_picture(frame.astype(np.float32) / np.float32(255.0), None, H264, tags))
            if muxer is None:
                raise WriteError("a movie needs at least one frame", path=path, fix="choose a range with frames")
            muxer.finish()
    except av.error.FFmpegError as error:
        raise unwritten(path, f"cannot be written ({reason(error)})") from error
