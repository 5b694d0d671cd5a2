"""Folders of age-labelled portraits: scan them, find the faces, cut crops for an ager."""

from vfxage.lab.portraits.cut import crop_portrait, mesh_portraits
from vfxage.lab.portraits.layouts import (
    INDEX,
    LAYOUTS,
    FolderLayout,
    Listed,
    are_running_numbers,
    guess_layout,
    label_name,
    read_index,
)
from vfxage.lab.portraits.scan import lone_portrait, read_portrait, scan_portraits
from vfxage.lab.portraits.scan_cache import ScanCache
from vfxage.lab.portraits.types import Collection, Portrait, Problem

__all__ = [
    "INDEX",
    "LAYOUTS",
    "Collection",
    "FolderLayout",
    "Listed",
    "Portrait",
    "Problem",
    "ScanCache",
    "are_running_numbers",
    "crop_portrait",
    "guess_layout",
    "label_name",
    "lone_portrait",
    "mesh_portraits",
    "read_index",
    "read_portrait",
    "scan_portraits",
]
