"""The JSON schema of a shot file, which text editors use."""

from __future__ import annotations

from typing import Any

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
    result["required"] = [key for key in result["required"] if key != "faces"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **result}
