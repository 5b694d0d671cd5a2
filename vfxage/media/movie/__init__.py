"""Movies, read and written: the only home of PyAV."""

from vfxage.media.movie.reader import MovieReader

__all__ = ["MovieReader"]
