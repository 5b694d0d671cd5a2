"""OpenColorIO's configs: which one counts, what it has, and the exceptions of loading it."""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from vfxage.errors import ShotError

BUILTIN = "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""The config of OpenColorIO that is used if neither the shot nor $OCIO names one."""

_URI = "ocio://"


def known_spaces(config: str | Path | None = None) -> list[str]:
    """Names of the config's colour spaces, in its order, without those for data."""
    return [space.getName() for space in spaces_of(loaded_config(config)) if not space.isData()]


def described_spaces(config: str | Path | None = None) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Name, family, encoding, and the other names (aliases, then roles) of the spaces of ``known_spaces``."""
    loaded = loaded_config(config)
    roles = [(role, space) for role, space in loaded.getRoles() if space]
    spaces = [space for space in spaces_of(loaded) if not space.isData()]
    return [
        (
            space.getName(),
            space.getFamily(),
            space.getEncoding(),
            (*space.getAliases(), *(role for role, name in roles if name == space.getName())),
        )
        for space in spaces
    ]


def builtin_configs() -> list[tuple[str, str]]:
    """(ocio:// URI, description) of the configs that the installed OpenColorIO has built in."""
    import PyOpenColorIO as Ocio

    return [(_URI + name, text) for name, text, *_ in Ocio.BuiltinConfigRegistry().getBuiltinConfigs()]


@lru_cache(maxsize=4)
def _load(source: str, origin: str) -> Any:
    import PyOpenColorIO as Ocio

    try:
        if source == BUILTIN:
            return Ocio.Config.CreateFromBuiltinConfig(BUILTIN)
        return Ocio.Config.CreateFromFile(source)
    except (Ocio.Exception, Ocio.ExceptionMissingFile) as error:
        raise ShotError(f"{origin} {source} cannot be loaded ({error})", fix=_another_config(source)) from error


def _another_config(source: str) -> str:
    """What to write instead of a config that cannot be loaded."""
    uris = [uri for uri, _ in builtin_configs()]
    meant = _URI + Path(source).name
    if source.startswith(_URI) or meant in uris:
        near = difflib.get_close_matches(meant, uris, n=3, cutoff=0.3) or uris
        return f"name a config file, or a built-in config of OpenColorIO: {' or '.join(near)}"
    return f"name the file of an OpenColorIO config, or a built-in config such as {BUILTIN}"


def loaded_config(config: str | Path | None) -> Any:
    """The config that counts (see ``Colour``), as OpenColorIO's object."""
    if config is not None:
        return _load(str(config), "the colour config")
    return _load(os.environ.get("OCIO") or BUILTIN, "the colour config of $OCIO")


def config_text(config: str | Path | None = None) -> str:
    """The config that counts (see ``Colour``) as the text of a config file."""
    return str(loaded_config(config).serialize())


def forget_configs() -> None:
    """Load configs again when they are used next: the environment that they were loaded in has changed."""
    _load.cache_clear()


def spaces_of(config: Any) -> list[Any]:
    """All colour spaces of a config, as OpenColorIO's objects."""
    import PyOpenColorIO as Ocio

    return list(config.getColorSpaces(Ocio.SEARCH_REFERENCE_SPACE_ALL, Ocio.COLORSPACE_ALL))
