"""Folders of age-labelled portraits: found, looked into, meshed, cut as an ager wants them."""

from vfxage.lab.portraits.cut import crop_portrait, mesh_portraits
from vfxage.lab.portraits.layouts import LAYOUTS, Layout
from vfxage.lab.portraits.scan import lone_portrait, read_portrait, scan_portraits
from vfxage.lab.portraits.scan_cache import Looked
from vfxage.lab.portraits.types import Collection, Portrait, Problem

__all__ = [
    "LAYOUTS",
    "Collection",
    "Layout",
    "Looked",
    "Portrait",
    "Problem",
    "crop_portrait",
    "lone_portrait",
    "mesh_portraits",
    "read_portrait",
    "scan_portraits",
]
