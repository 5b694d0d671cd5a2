"""The environment variables that shape colours: a job on another host needs them too."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vfxage.colour.config import config_text

_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)|%([A-Za-z_][A-Za-z0-9_]*)%")
"""A variable in a config: $SHOT, ${SHOT} or %SHOT%."""


def colour_environment(config: str | Path | None = None) -> dict[str, str]:
    """The environment variables on which the colours of ``config`` depend, with their values here.

    They are ``OCIO`` (empty if it is not set, so that another host's does not count; left out if ``config`` is given),
    the other variables of OpenColorIO, and those that the config's own text uses for paths. A path of a config file is
    absolute. Raises ShotError for a config that cannot be loaded.
    """
    used = {name for names in _VARIABLE.findall(config_text(config)) for name in names if name}
    used.update(name for name in os.environ if name.startswith("OCIO_"))
    found = {name: os.environ[name] for name in sorted(used - {"OCIO"}) if name in os.environ}
    if config is not None:
        return found
    path = os.environ.get("OCIO", "")
    return {"OCIO": path if "://" in path or not path else os.path.abspath(path), **found}
