"""Faces aged live: a camera in, a window, a recording or a virtual camera out."""

from vfxage.live.run import LiveOptions, LiveOutcome, run_live

__all__ = ["LiveOptions", "LiveOutcome", "run_live"]
