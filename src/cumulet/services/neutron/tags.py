# SPDX-License-Identifier: Apache-2.0
"""The API of tags: /networks/{id}/tags and the like, for every resource that has them."""

from collections.abc import Callable, Iterable
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import keys
from cumulet.services.neutron import values
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Port
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup
from cumulet.services.neutron.standard import Owned, Tag, tags_of
from cumulet.services.neutron.subnet_pools.model import SubnetPool
from cumulet.services.neutron.subnets.model import Subnet

TAGGED: tuple[type[Owned], ...] = (Network, Subnet, SubnetPool, Port, Router, FloatingIp, SecurityGroup)
MAX_TAGS = 50
_TAGS = body_of(tags={"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": MAX_TAGS})
TAGS = keys(tags=list[str])
Handler = Callable[[Tx, Context, Request], Any]


def _routes(cls: type[Owned]) -> Iterable[Handler]:
    """The tag routes of one resource."""
    name = cls.member
    whole = f"{cls.path}/{{{name}_id}}/tags"
    one = f"{whole}/{{tag}}"

    def fetch(tx: Tx, ctx: Context, request: Request, verb: str) -> Any:
        policy = f"{verb}_{name}:tags"
        return fetch_by_key(tx, ctx, cls, request.params[f"{name}_id"], policy)

    @route("GET", whole, name=f"list_{name}_tags", answer=TAGS)
    def list_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
        """The tags of a resource."""
        row = fetch(tx, ctx, request, "get")
        return {"tags": tags_of(tx, ctx, [row]).get(row.id, [])}

    @route("GET", one, name=f"check_{name}_tag", status=204)
    def check_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
        """204 if the resource has the tag."""
        row = fetch(tx, ctx, request, "get")
        if request.params["tag"] not in tags_of(tx, ctx, [row]).get(row.id, []):
            raise _missing(request.params["tag"])
        return Reply(204)

    @route("PUT", whole, name=f"replace_{name}_tags", schema=_TAGS, answer=TAGS)
    def replace_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
        """The resource has these tags and no others."""
        row = fetch(tx, ctx, request, "update")
        tags = _asked(request)
        _set(tx, row, tags)
        return {"tags": sorted(tags)}

    @route("POST", whole, name=f"add_{name}_tags", schema=_TAGS, answer=TAGS)
    def add_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
        """The resource has these tags too."""
        row = fetch(tx, ctx, request, "update")
        tags = {*tags_of(tx, ctx, [row]).get(row.id, []), *_asked(request)}
        _set(tx, row, tags)
        return {"tags": sorted(tags)}

    @route("PUT", one, name=f"add_{name}_tag", status=201)
    def add_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
        """The resource has this tag too."""
        row = fetch(tx, ctx, request, "update")
        _set(tx, row, {*tags_of(tx, ctx, [row]).get(row.id, []), _checked(request.params["tag"])})
        return Reply(201)

    @route("DELETE", whole, name=f"remove_{name}_tags", status=204)
    def remove_tags(tx: Tx, ctx: Context, request: Request) -> Reply:
        """The resource has no tags."""
        _set(tx, fetch(tx, ctx, request, "delete"), set())
        return Reply(204)

    @route("DELETE", one, name=f"remove_{name}_tag", status=204)
    def remove_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
        """The resource no longer has this tag."""
        row = fetch(tx, ctx, request, "delete")
        tags, tag = set(tags_of(tx, ctx, [row]).get(row.id, [])), request.params["tag"]
        if tag not in tags:
            raise _missing(tag)
        _set(tx, row, tags - {tag})
        return Reply(204)

    return list_tags, check_tag, replace_tags, add_tags, add_tag, remove_tags, remove_tag


def _missing(tag: str) -> NotFound:
    return NotFound(f"Tag {tag} could not be found.", kind="TagNotFound")


def _asked(request: Request) -> set[str]:
    body = request.body
    if not isinstance(body, dict) or "tags" not in body:
        raise BadRequest("Invalid tags body")
    try:
        return set(values.texts(255)(body["tags"]))
    except ValueError as error:
        raise BadRequest(f"Invalid input for tags. Reason: {error}.") from None


def _checked(tag: str) -> str:
    try:
        return str(values.text(255)(tag))
    except ValueError as error:
        raise BadRequest(f"Invalid input for tags. Reason: {error}.") from None


def _set(tx: Tx, row: Any, tags: set[str]) -> None:
    if len(tags) > MAX_TAGS:
        raise BadRequest(f"The number of tags exceed the per-resource limit of {MAX_TAGS}")
    had = {tag.tag for tag in tx.all(Tag, Tag.c.resource_id == row.id)}
    if gone := had - tags:
        tx.delete_where(Tag, Tag.c.resource_id == row.id, Tag.c.tag.in_(gone))
    tx.insert_many([Tag(resource_id=row.id, tag=tag) for tag in sorted(tags - had)])
    tx.update(row)


ROUTES: tuple[Handler, ...] = tuple(handler for cls in TAGGED for handler in _routes(cls))
