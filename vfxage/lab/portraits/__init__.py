"""Folders of age-labelled portraits: scan them, find the faces, cut crops for an ager."""

from vfxage.lab.portraits.cut import crop_portrait, mesh_portraits
from vfxage.lab.portraits.layouts import LAYOUTS, FolderLayout
from vfxage.lab.portraits.scan import lone_portrait, read_portrait, scan_portraits
from vfxage.lab.portraits.scan_cache import ScanCache
from vfxage.lab.portraits.types import Collection, Portrait, Problem

__all__ = [
    "LAYOUTS",
    "Collection",
    "FolderLayout",
    "Portrait",
    "Problem",
    "ScanCache",
    "crop_portrait",
    "lone_portrait",
    "mesh_portraits",
    "read_portrait",
    "scan_portraits",
]
