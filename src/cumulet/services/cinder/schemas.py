# SPDX-License-Identifier: Apache-2.0
"""What Cinder's bodies are made of, under the names that upstream has for them."""

from typing import Any

Schema = dict[str, Any]

BOOLEAN: Schema = {
    "enum": [
        *(True, False, 1, 0),
        *("1", "0", "TRUE", "True", "true", "FALSE", "False", "false", "T", "t", "F", "f"),
        *("YES", "Yes", "yes", "Y", "y", "NO", "No", "no", "N", "n", "ON", "On", "on", "OFF", "Off", "off"),
    ]
}
NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": ["string", "null"], "maxLength": 255}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Schema = {"anyOf": [UUID, NULL]}
SIZE: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": 2**31 - 1}
SIZE_OR_NULL: Schema = {**SIZE, "type": ["integer", "string", "null"]}
ANYTHING: Schema = {}
METADATA: Schema = {
    "type": ["object", "null"],
    "patternProperties": {"^[a-zA-Z0-9-_:. /]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}


def thing(*required: str, **properties: Schema) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


WRITES = ("create", "update")
"""What Cinder's extensions add to a thing is in no answer to these."""
