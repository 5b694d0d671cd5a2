"""The movies that vfxage writes, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSpec:
    """How vfxage encodes one codec."""

    encoder: str
    suffixes: tuple[str, ...]
    bits: int
    steps: tuple[int, int]
    """log2 of the chroma subsampling, (across, down)."""
    options: Mapping[str, str]
    threads: int
    """Threads of the encoder; 0 means one per core, allowed only if the encoded bits do not depend on it."""
    alpha: bool = False
    """Whether the codec can store an alpha."""
    interlaced: bool = False
    """Whether the codec can store the two fields of a picture apart."""
    smallest: tuple[int, int] = (1, 1)
    """Width and height of the smallest pictures that the encoder takes."""
    tag: str | None = None
    """The code of four letters that players expect in a .mov or .mp4, if it is not FFmpeg's own choice."""

    def pixel_format(self, alpha: bool) -> str:
        """FFmpeg's name of the pixel format."""
        sampling = {(0, 0): "444", (1, 0): "422", (1, 1): "420"}[self.steps]
        return f"yuv{'a' if alpha else ''}{sampling}p{'' if self.bits == 8 else f'{self.bits}le'}"


def _prores(profile: str, *, alpha: bool = False) -> CodecSpec:
    return CodecSpec(
        encoder="prores_ks",
        suffixes=(".mov", ".mkv"),
        bits=10,
        steps=(0, 0) if alpha else (1, 0),
        # some players require the vendor apl0
        options={"profile": profile, "vendor": "apl0", **({"alpha_bits": "16"} if alpha else {})},
        threads=0,
        alpha=alpha,
        interlaced=True,
    )


def _dnxhr(profile: str, bits: int) -> CodecSpec:
    return CodecSpec(
        encoder="dnxhd",
        suffixes=(".mov",),
        bits=bits,
        steps=(1, 0),
        options={"profile": profile},
        threads=1,
        smallest=(256, 120),
    )


H264 = CodecSpec(
    encoder="libx264",
    suffixes=(".mp4", ".mov", ".mkv"),
    bits=8,
    steps=(1, 1),
    options={"crf": "16", "preset": "medium"},
    threads=4,  # the encoded bits depend on the number of threads
)

CODECS: Mapping[str, CodecSpec] = {
    "prores_proxy": _prores("proxy"),
    "prores_lt": _prores("lt"),
    "prores_422": _prores("standard"),
    "prores_hq": _prores("hq"),
    "prores_4444": _prores("4444", alpha=True),
    "dnxhr_hq": _dnxhr("dnxhr_hq", 8),
    "dnxhr_hqx": _dnxhr("dnxhr_hqx", 10),
    "h264": H264,
    "hevc": CodecSpec(
        encoder="libx265",
        suffixes=(".mp4", ".mov", ".mkv"),
        bits=10,
        steps=(1, 1),
        # info=0 leaves out the text with the encoder's settings; the bits depend on the number of frame threads
        options={"crf": "14", "preset": "medium", "x265-params": "log-level=error:info=0:frame-threads=2"},
        threads=4,
        tag="hvc1",
    ),
}
"""The codecs that ``codec:`` in a shot file can name."""
