# SPDX-License-Identifier: Apache-2.0
"""/resource_providers."""

import uuid
from typing import Any

import msgspec

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys, since
from cumulet.services.placement import filters, names
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.errors import UnknownClass, UnknownTraits
from cumulet.services.placement.filters import Wishes
from cumulet.services.placement.picture import Picture, Provider, current
from cumulet.services.placement.providers import model
from cumulet.services.placement.rows import ResourceProvider
from cumulet.services.placement.schemas import STRING, UUID, obj
from cumulet.services.placement.wire import answer, located, mount, provider_url

_NAME = {"type": "string", "maxLength": 200}
_PARENT = {"parent_provider_uuid": {"anyOf": [UUID, {"type": "null"}]}}
CREATE = Schema(
    {
        "1.0": obj({"name": _NAME, "uuid": UUID}, "name"),
        "1.14": obj({"name": _NAME, "uuid": UUID, **_PARENT}, "name"),
    }
)
UPDATE = Schema({"1.0": obj({"name": _NAME}, "name"), "1.14": obj({"name": _NAME, **_PARENT}, "name")})
_BY = {"name": STRING, "uuid": UUID}
LIST = Schema(
    {
        "1.0": obj(_BY),
        "1.3": obj(_BY | {"member_of": STRING}),
        "1.4": obj(_BY | {"member_of": STRING, "resources": STRING}),
        "1.14": obj(_BY | {"member_of": STRING, "resources": STRING, "in_tree": UUID}),
        "1.18": obj(_BY | {"member_of": STRING, "resources": STRING, "in_tree": UUID, "required": STRING}),
    }
)  # fmt: skip
PROVIDER = keys(
    uuid=str,
    name=str,
    generation=int,
    links=LINKS,
    parent_provider_uuid=since("1.14", str | None),
    root_provider_uuid=since("1.14", str),
)
_LINKS = (
    ("inventories", "1.0"),
    ("usages", "1.0"),
    ("aggregates", "1.1"),
    ("traits", "1.6"),
    ("allocations", "1.11"),
)


@reads(
    "/resource_providers",
    "placement:resource_providers:list",
    query=("name", "uuid", "member_of", "resources", "in_tree", "required"),
    answer=keys(resource_providers=array(PROVIDER)),
)
def list_providers(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The providers that meet all conditions of the query."""
    query = LIST.query(ctx, request)
    wishes = _wishes(ctx, request, query)
    now = current(tx)
    found = _matching(tx, now, wishes, query) if query else list(now.providers.values())
    body = b'{"resource_providers":[' + b",".join(_fragments(ctx, found)) + b"]}"
    return answer(ctx, body, max((provider.updated_at for provider in found), default=None))


@reads("/resource_providers/{uuid}", "placement:resource_providers:show", answer=PROVIDER)
def show_provider(tx: Tx, ctx: Context, request: Request) -> Reply:
    """One provider."""
    provider = model.seen(tx, request.params["uuid"])
    return answer(ctx, provider_view(ctx, provider), provider.updated_at)


@writes(
    "POST",
    "/resource_providers",
    "placement:resource_providers:create",
    body=CREATE,
    status={"1.0": 201, "1.20": 200},
    answer=since("1.20", PROVIDER),
)
def create_provider(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Make a provider, a root or the child of another one."""
    body = CREATE.body(ctx, request)
    id = str(uuid.UUID(body["uuid"])) if body.get("uuid") else ids.dashed()
    if not body["name"]:
        raise BadRequest(f'Unable to create resource provider "", {id}: {_NAMELESS}')
    provider = model.create(tx, id, body["name"], body.get("parent_provider_uuid"))
    where = provider_url(ctx, id)
    if not ctx.at("1.20"):
        return Reply(201, None, located(ctx, where))
    return answer(ctx, provider_view(ctx, provider), provider.updated_at, location=where)


_NAMELESS = "Object action create failed because: name is required"


@writes(
    "PUT", "/resource_providers/{uuid}", "placement:resource_providers:update", body=UPDATE, answer=PROVIDER
)
def update_provider(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Rename a provider, or move it with all that is below it."""
    provider = model.hold(tx, request.params["uuid"], model.TREES)
    body = UPDATE.body(ctx, request)
    if "parent_provider_uuid" in body:
        provider = model.move(tx, provider, body["parent_provider_uuid"], anywhere=ctx.at("1.37"))
    provider = model.rename(tx, provider, body["name"])
    return answer(ctx, provider_view(ctx, provider), provider.updated_at)


@writes("DELETE", "/resource_providers/{uuid}", "placement:resource_providers:delete", status=204)
def delete_provider(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Delete a provider that has no children and no allocations, with its inventories."""
    model.delete(tx, request.params["uuid"])
    return Reply(204)


ROUTES = (list_providers, show_provider, create_provider, update_provider, delete_provider)


# -- what is asked for ----------------------------------------------------------------------------------


def _wishes(ctx: Context, request: Request, query: dict[str, str]) -> Wishes:
    wishes = Wishes()
    if "member_of" in query:
        wishes.member_of, wishes.forbidden_aggregates = filters.member_of(ctx, request.query)
    if "required" in query:
        wishes.required, wishes.forbidden = filters.required(ctx, request.query)
    if "resources" in query:
        wishes.resources = filters.resources(query["resources"])
    return wishes


def _matching(tx: Tx, now: Picture, wishes: Wishes, query: dict[str, str]) -> list[Provider]:
    """The providers that meet every condition. Raises BadRequest for names that nobody has made."""
    try:
        names.require_traits(tx, wishes.traits)
        names.require_classes(tx, wishes.resources)
    except UnknownClass as error:
        raise BadRequest(f"Invalid resource class in resources parameter: {error}") from None
    except UnknownTraits as error:
        raise BadRequest(f'Invalid trait(s) in "required" parameter: {error}') from None
    found = list(now.providers.values())
    if "uuid" in query:
        found = [provider for provider in found if provider.id == query["uuid"]]
    if "name" in query:
        found = [provider for provider in found if provider.name == query["name"]]
    if "in_tree" in query:
        member = now.providers.get(query["in_tree"])
        found = [provider for provider in found if member is not None and provider.root_id == member.root_id]
    return [
        provider
        for provider in found
        if wishes.likes(provider.traits, provider.aggregates) and provider.has_room(wishes.resources)
    ]


# -- how it looks ---------------------------------------------------------------------------------------


def provider_view(ctx: Context, provider: Provider | ResourceProvider) -> dict[str, Any]:
    """A provider as the request's microversion shows it."""
    url = provider_url(ctx, provider.id)
    links = [{"rel": "self", "href": url}]
    links += [{"rel": rel, "href": f"{url}/{rel}"} for rel, since in _LINKS if ctx.at(since)]
    view = {"uuid": provider.id, "name": provider.name, "generation": provider.generation, "links": links}
    if ctx.at("1.14"):
        view |= {"parent_provider_uuid": provider.parent_id, "root_provider_uuid": provider.root_id}
    return view


def _fragments(ctx: Context, providers: list[Provider]) -> list[bytes]:
    """Each provider as JSON, made once for each of its revisions, version's shape and prefix."""
    shape = (mount(ctx), sum(ctx.at(since) for _, since in _LINKS), ctx.at("1.14"))
    found = []
    for provider in providers:
        fragment = provider.fragments.get(shape)
        if fragment is None:
            fragment = provider.fragments[shape] = msgspec.json.encode(provider_view(ctx, provider))
        found.append(fragment)
    return found
