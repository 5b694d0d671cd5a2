"""Landmarks of every face in a picture: MediaPipe FaceMesh on upright full-resolution crops."""

from vfxage.landmarks.finder import Detection, FaceFinder

__all__ = ["Detection", "FaceFinder"]
