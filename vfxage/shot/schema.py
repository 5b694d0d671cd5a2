"""The JSON schema of a shot file, which text editors use."""

from __future__ import annotations

from typing import Any

from vfxage.shot.include import KEY
from vfxage.shot.models import FACE_DEFAULTS, Shot


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a shot file; ``configs/shot.schema.json`` holds a copy.

    ``faces`` and the ages of a face are not required: the top level can give the ages.
    """
    result = Shot.model_json_schema()
    face = result["$defs"]["Face"]
    face["required"] = [key for key in face.get("required", ()) if key not in FACE_DEFAULTS]
    if not face["required"]:
        del face["required"]
    del result["$defs"]["Output"]["properties"]["passes"]["default"]  # the default depends on the format of the output
    words = "A file with defaults for this shot, relative to this file. The keys of this file win."
    result["properties"] = {
        KEY: {"title": "Include", "type": "string", "format": "path", "description": words},
        **result["properties"],
    }
    del result["required"]
    result["anyOf"] = [{"required": ["plate"]}, {"required": [KEY]}]  # an included file can name the plate
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **result}
