"""Landmarks of every face in a picture: MediaPipe FaceMesh on upright full-resolution crops."""

from vfxage.face.detect.finder import FOUND, Detection, FaceFinder

__all__ = ["FOUND", "Detection", "FaceFinder"]
