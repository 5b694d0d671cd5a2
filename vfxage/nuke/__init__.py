"""Writes a shot as a Nuke script: the plate and passes, the comp as nodes, and the tracks."""

from vfxage.nuke.comp import comp_script, script_path
from vfxage.nuke.sources import Sources, find_sources

__all__ = ["Sources", "comp_script", "find_sources", "script_path"]
