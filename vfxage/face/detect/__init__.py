"""Landmarks of every face in a picture: MediaPipe FaceMesh on upright full-resolution crops."""

from vfxage.face.detect.finder import Detection, FaceFinder

__all__ = ["Detection", "FaceFinder"]
