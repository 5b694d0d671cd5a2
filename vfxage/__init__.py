"""vfxage re-ages the faces of a film shot and hands the work to a compositor."""

__version__ = "0.2.0"
