"""A shot as a Nuke script: its plate and passes, the comp rebuilt of nodes, the tracks."""

from vfxage.nuke.comp import comp_script, script_path
from vfxage.nuke.sources import Sources, find_sources

__all__ = ["Sources", "comp_script", "find_sources", "script_path"]
