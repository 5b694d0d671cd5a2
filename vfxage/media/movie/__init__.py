"""Reads and writes movies. Only this package imports PyAV."""

from vfxage.media.movie.check import held_frames
from vfxage.media.movie.preview import write_h264
from vfxage.media.movie.reader import MovieReader
from vfxage.media.movie.writer import MovieWriter

__all__ = ["MovieReader", "MovieWriter", "held_frames", "write_h264"]
