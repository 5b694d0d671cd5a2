"""Folders of age-labelled portraits: found, looked into, meshed, cut as an ager wants them."""

from vfxage.portraits.cut import crop_portrait, mesh_portraits
from vfxage.portraits.layouts import LAYOUTS, Layout
from vfxage.portraits.looked import Looked
from vfxage.portraits.scan import lone_portrait, read_portrait, scan_portraits
from vfxage.portraits.types import Collection, Portrait, Problem

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
