# SPDX-License-Identifier: Apache-2.0
"""A patch applied to an image: step by step on a draft, then written at once."""

from dataclasses import dataclass, field
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, Forbidden
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import one
from cumulet.kernel.resource.views import render
from cumulet.services.glance.images.changes import (
    require_numbers,
    require_visibility,
    set_properties,
    set_tags,
)
from cumulet.services.glance.images.model import Image, image_target, properties_of
from cumulet.services.glance.images.patch import SETTABLE, Change, parse_patch
from cumulet.services.glance.wire import READ_ONLY

_FIXED_BY_CONTENT = ("disk_format", "container_format")
_FIELDS = frozenset({*SETTABLE, *READ_ONLY, "id"})
_PATCH = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "replace", "remove"]},
            "path": {"type": "string", "pattern": "^/"},
            "value": {},
        },
        "required": ["op", "path"],
    },
}


@dataclass
class Draft:
    """An image while it is patched: changed columns, tags if they change, all custom properties."""

    image: Image
    properties: dict[str, str]
    columns: dict[str, Any] = field(default_factory=dict)
    tags: list[str] | None = None


@route(
    "PATCH",
    "/images/{image_id}",
    schema=told(_PATCH),
    accepts="application/openstack-images-v2.1-json-patch",
    answer=one(Image),
)
def update_image(tx: Tx, ctx: Context, request: Request) -> Any:
    """The image with all steps of the patch applied, or none."""
    changes = parse_patch(request.headers.get("content-type", ""), request.body)
    image: Image = fetch_by_key(tx, ctx, Image, request.params["image_id"], "get_image")
    if changes:
        image = apply(tx, ctx, image, changes)
    return render(tx, ctx, Image, [image])[0]


def apply(tx: Tx, ctx: Context, image: Image, changes: list[Change]) -> Image:
    """The image as it is after the changes. Raises Forbidden and Conflict in upstream's words."""
    draft = Draft(image, dict(properties_of(tx, ctx, [image]).get(image.id, {})))
    before = dict(draft.properties)
    for change in changes:
        _require_right(ctx, image, change)
        _STEPS[change.op](draft, change)
    require_numbers(draft.columns)
    image = tx.update(image, **draft.columns)
    if draft.tags is not None:
        set_tags(tx, image, draft.tags)
    if draft.properties != before:
        set_properties(tx, image, draft.properties)
    events.emit(tx, ctx, "image.update", image)
    return image


def _require_right(ctx: Context, image: Image, change: Change) -> None:
    if change.name == "locations":
        raise Forbidden(_LOCATIONS[change.op])
    if change.name == "owner" and change.op == "replace" and not ctx.is_admin:
        raise Forbidden("Owner can't be updated by non admin.")
    target = image_target(ctx, image)
    if change.name == "visibility" and change.op != "remove":
        require_visibility(ctx, change.value, target)
    ctx.require("modify_image", target)
    if change.name == "owner" and not ctx.is_admin:
        raise Forbidden("Owner can't be updated by non admin.")


_LOCATIONS = {
    "replace": "It's not allowed to update locations if locations are invisible.",
    "add": "It's not allowed to add locations if locations are invisible.",
    "remove": "It's not allowed to remove locations if locations are invisible.",
}


def _replace(draft: Draft, change: Change) -> None:
    if change.name not in _FIELDS and change.name not in draft.properties:
        raise Conflict(f"Property {change.name} does not exist.")
    _set(draft, change)


def _add(draft: Draft, change: Change) -> None:
    if change.once and (change.name in _FIELDS or change.name in draft.properties):
        raise Conflict(f"Property {change.name} already present.")
    _set(draft, change)


def _remove(draft: Draft, change: Change) -> None:
    if change.name in _FIELDS:
        raise Forbidden(f"Property {change.name} may not be removed.")
    if change.name not in draft.properties:
        raise Conflict(f"Property {change.name} does not exist.")
    del draft.properties[change.name]


def _set(draft: Draft, change: Change) -> None:
    name = change.name
    if name == "tags":
        draft.tags = change.value
    elif name not in _FIELDS:
        draft.properties[name] = change.value
    elif name in _FIXED_BY_CONTENT and draft.image.status not in ("queued", "importing"):
        raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    else:
        draft.columns[SETTABLE[name]] = change.value


_STEPS = {"replace": _replace, "add": _add, "remove": _remove}
ROUTES = (update_image,)
