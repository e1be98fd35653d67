# SPDX-License-Identifier: Apache-2.0
"""Bodies that set limits: unlike elsewhere in Keystone a key that is not known is refused."""

from typing import Any

from cumulet.kernel.resource.schema import Checked
from cumulet.services.keystone.entity import ID_OR_NULL, NAME_255, TEXT_OR_NULL

_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_REGION_ID = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
_AMOUNT = {"type": "integer", "minimum": -1, "maximum": 2**31 - 1}
_WHAT = {"service_id": _ID, "region_id": _REGION_ID, "resource_name": NAME_255, "description": TEXT_OR_NULL}
_DEFAULT = {**_WHAT, "default_limit": _AMOUNT}
_OWN = {**_WHAT, "resource_limit": _AMOUNT, "project_id": ID_OR_NULL, "domain_id": ID_OR_NULL}
_CHANGED = {"resource_limit": _AMOUNT, "description": TEXT_OR_NULL}


def _closed(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def _one(member: str, item: dict[str, Any]) -> Checked:
    return Checked(_closed({member: item}, member))


def _several(plural: str, item: dict[str, Any]) -> Checked:
    return Checked(_closed({plural: {"type": "array", "items": item, "minItems": 1}}, plural))


NEW_REGISTERED_LIMITS = _several(
    "registered_limits", _closed(_DEFAULT, "service_id", "resource_name", "default_limit")
)
REGISTERED_LIMIT = _one("registered_limit", _closed(_DEFAULT))
NEW_LIMITS = _several(
    "limits",
    _closed(
        _OWN,
        "service_id",
        "resource_name",
        "resource_limit",
        oneOf=[{"required": ["project_id"]}, {"required": ["domain_id"]}],
    ),
)
LIMIT = _one("limit", _closed(_CHANGED))
