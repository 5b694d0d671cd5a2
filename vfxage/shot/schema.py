"""The JSON schema of a shot file, for editors."""

from __future__ import annotations

from typing import Any

from vfxage.shot.models import FACE_DEFAULTS, Shot


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of what ``load_shot`` accepts; ``configs/shot.schema.json`` is the same.

    Ages that a face leaves out come from the top level, and ``faces`` may be left out: neither is required.
    """
    result = Shot.model_json_schema()
    face = result["$defs"]["Face"]
    face["required"] = [key for key in face.get("required", ()) if key not in FACE_DEFAULTS]
    if not face["required"]:
        del face["required"]
    del result["$defs"]["Output"]["properties"]["passes"]["default"]  # it depends on the kind of output
    result["required"] = [key for key in result["required"] if key != "faces"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **result}
