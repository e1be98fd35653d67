# SPDX-License-Identifier: Apache-2.0
"""A PATCH body taken apart: JSON Patch in the two dialects that Glance has had.

    application/openstack-images-v2.1-json-patch   [{"op": "replace", "path": "/name", "value": "x"}]
    application/openstack-images-v2.0-json-patch   [{"replace": "/name", "value": "x"}]

Nothing here looks at an image: what is refused here is refused for all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.errors import BadRequest, Forbidden, UnsupportedMediaType
from cumulet.kernel.resource import schema
from cumulet.services.glance.images.model import PROPERTIES, Image
from cumulet.services.glance.wire import WIRE, refuse_reserved

OLD = "application/openstack-images-v2.0-json-patch"
NEW = "application/openstack-images-v2.1-json-patch"
OPERATIONS = ("add", "remove", "replace")
SETTABLE = {spec.on_wire: name for name, spec in Image.fields.items() if spec.update}
"""Fields that a patch may set: their names on the wire, and in a row."""

_DEPTHS = {("locations", "add"): 2, ("locations", "remove"): 2}
_AVAILABLE = ", ".join(OPERATIONS)


@dataclass(frozen=True)
class Change:
    """One step of a patch: `op` on the attribute `name`; `once` says that an add must not replace."""

    op: str
    name: str
    value: Any = None
    once: bool = False


def parse_patch(content_type: str, body: Any) -> list[Change]:
    """The steps of a body. Raises UnsupportedMediaType, BadRequest, Forbidden for what no image allows."""
    kind = content_type.split(";")[0].strip().lower()
    if kind not in (OLD, NEW):
        allowed = f"{OLD}, {NEW}"
        raise UnsupportedMediaType(
            f"Image PATCH expects Content-Type one of: {allowed}", headers={"Accept-Patch": allowed}
        )
    if body is None:
        raise BadRequest("Body expected in request.")
    if not isinstance(body, list):
        raise BadRequest("Request body must be a JSON array of operation objects.")
    return [_change(step, old=kind == OLD) for step in body]


def _change(step: Any, *, old: bool) -> Change:
    if not isinstance(step, dict):
        raise BadRequest("Operations must be JSON objects.")
    op, pointer = _old_form(step) if old else _new_form(step)
    path = _split(pointer)
    name = path[0]
    if len(path) != _DEPTHS.get((name, op), 1):
        raise BadRequest(f"Invalid JSON pointer for this resource: '/{'/'.join(path)}'")
    if op != "remove" and "value" not in step:
        raise BadRequest(f'Operation "{op}" requires a member named "value".')
    if name == "id":
        raise Forbidden("Attribute 'id' is read-only.")
    if name != "locations":
        refuse_reserved(name)
    if op == "remove":
        return Change(op, name)
    return Change(op, name, _checked(name, step["value"]), once=old)


def _new_form(step: Mapping[str, Any]) -> tuple[str, Any]:
    op = step.get("op")
    if op is None:
        raise BadRequest(
            f"Unable to find `op` in JSON Schema change. It must be one of the following: {_AVAILABLE}."
        )
    if op not in OPERATIONS:
        raise BadRequest(f"Invalid operation: `{op}`. It must be one of the following: {_AVAILABLE}.")
    if "path" not in step:
        raise BadRequest("Unable to find 'path' in JSON Schema change")
    return op, step["path"]


def _old_form(step: Mapping[str, Any]) -> tuple[str, Any]:
    found = [op for op in OPERATIONS if op in step]
    if len(found) != 1:
        how = "only" if found else "exactly"
        raise BadRequest(
            f'Operation objects must contain {how} one member named "add", "remove", or "replace".'
        )
    return found[0], step[found[0]]


def _split(pointer: Any) -> list[str]:
    """The words of a JSON pointer, unescaped."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise BadRequest(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r"/\s*?/", pointer[1:]):
        raise BadRequest(f'Pointer `{pointer}` contains adjacent "/".')
    if len(pointer) > 1 and pointer.endswith("/"):
        raise BadRequest(f'Pointer `{pointer}` end with "/".')
    if not pointer[1:].strip():
        raise BadRequest(f"Pointer `{pointer}` does not contains valid token.")
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise BadRequest(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    return [word.replace("~1", "/").replace("~0", "~").strip() for word in pointer.lstrip("/").split("/")]


def _checked(name: str, value: Any) -> Any:
    """The value, as the schema of an image allows it for this attribute."""
    if name == "locations":
        return value
    if name in SETTABLE:
        return schema.parse(Image, "update", {name: value}, 0, WIRE)[SETTABLE[name]]
    schema.check(_CUSTOM, {name: value}, WIRE)
    return value


_CUSTOM = schema.compile_schema(PROPERTIES)
