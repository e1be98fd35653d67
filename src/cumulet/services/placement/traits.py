# SPDX-License-Identifier: Apache-2.0
"""Traits: what can be said of a provider, and what is said of each."""

import re
from collections.abc import Iterable
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.placement import changes, names
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.errors import UnknownTraits
from cumulet.services.placement.picture import current
from cumulet.services.placement.providers.model import hold, require_generation, seen
from cumulet.services.placement.rows import ProviderTrait, Trait, row_id
from cumulet.services.placement.schemas import CUSTOM_NAME, GENERATION, ID, STRING, obj
from cumulet.services.placement.wire import answer, mount

LIST = Schema({"1.6": obj({"name": STRING, "associated": STRING})})
SET = Schema({"1.6": obj({"traits": {"type": "array", "items": ID}, **GENERATION}, "traits", *GENERATION)})
OF_PROVIDER = keys(traits=list[str], resource_provider_generation=int)
_CUSTOM = re.compile(CUSTOM_NAME.strip("^$"))
_PATH = "/resource_providers/{uuid}/traits"


@reads(
    "/traits",
    "placement:traits:list",
    since="1.6",
    query=("name", "associated"),
    answer=keys(traits=list[str]),
)
def list_traits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """All traits, or those of a name, a prefix, or that some provider has."""
    query = LIST.query(ctx, request)
    known = [
        *names.standard_traits(),
        *(row.name for row in tx.all(Trait, order_by=(Trait.c.created_at, Trait.c.name))),
    ]
    if "name" in query:
        known = _named(known, query["name"])
    if "associated" in query:
        word = query["associated"].lower()
        if word not in ("true", "false"):
            raise BadRequest('The query parameter "associated" only accepts "true" or "false"')
        used = current(tx).traits
        known = [name for name in known if (name in used) == (word == "true")]
    return answer(ctx, {"traits": known})


def _named(known: list[str], text: str) -> list[str]:
    operator, colon, value = text.partition(":")
    if not colon:
        raise BadRequest(
            "Badly formatted name parameter. Expected name query string parameter in form: "
            f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{text}"'
        )
    if operator == "in":
        wanted = set(value.split(","))
        return [name for name in known if name in wanted]
    if operator == "startswith":
        return [name for name in known if name.startswith(value)]
    return known


@reads("/traits/{name}", "placement:traits:show", since="1.6", status=204)
def show_trait(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Whether there is such a trait."""
    name = request.params["name"]
    trait = _need(tx, name)
    return answer(ctx, None, trait.created_at if trait else None, status=204)


@writes("PUT", "/traits/{name}", "placement:traits:update", since="1.6", status=201, also=(204,))
def create_trait(tx: Tx, ctx: Context, request: Request) -> Reply:
    """There is a trait of this name."""
    name = request.params["name"]
    if not _CUSTOM.fullmatch(name) or len(name) > 255:
        raise BadRequest(
            "The trait is invalid. A valid trait must be no longer than 255 characters, start with the "
            'prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"'
        )
    tx.lock(f"placement:trait:{name}")
    trait = tx.get(Trait, name)
    status = 201 if trait is None else 204
    trait = trait or tx.insert(Trait(name=name))
    return answer(ctx, None, trait.created_at, status=status, location=f"{mount(ctx)}/traits/{name}")


@writes("DELETE", "/traits/{name}", "placement:traits:delete", since="1.6", status=204)
def delete_trait(tx: Tx, ctx: Context, request: Request) -> Reply:
    """There is no trait of this name any more."""
    name = request.params["name"]
    tx.lock(f"placement:trait:{name}")
    trait = _need(tx, name)
    if trait is None:
        raise BadRequest(f"Cannot delete standard trait {name}.")
    if tx.exists(ProviderTrait, ProviderTrait.c.trait == name):
        raise Conflict(f"The trait {name} is in use by a resource provider.")
    tx.delete(trait)
    return Reply(204)


def _need(tx: Tx, name: str) -> Trait | None:
    """A trait of this cloud's own, None for a standard one. Raises NotFound."""
    if name in names.standard_traits():
        return None
    return tx.need(Trait, name, str(UnknownTraits([name])))


# -- of a provider --------------------------------------------------------------------------------------


@reads(_PATH, "placement:resource_providers:traits:list", since="1.6", answer=OF_PROVIDER)
def list_provider_traits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """What is said of a provider."""
    id = request.params["uuid"]
    provider = seen(tx, id, f"No resource provider with uuid {id} found: ")
    return answer(ctx, _view(provider.generation, provider.traits))


@writes("PUT", _PATH, "placement:resource_providers:traits:update", since="1.6", body=SET, answer=OF_PROVIDER)
def set_provider_traits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A provider has these traits and no others."""
    body = SET.body(ctx, request)
    wanted = set(body["traits"])
    provider = hold(tx, request.params["uuid"], *(f"placement:trait:{name}" for name in wanted))
    require_generation(provider, body["resource_provider_generation"], _CHANGED)
    if unknown := names.unknown_traits(tx, sorted(wanted)):
        raise BadRequest(f"No such trait {', '.join(unknown)}")
    changed = replace(tx, provider.id, wanted)
    return answer(ctx, _view(provider.generation + changed, wanted))


_CHANGED = "Resource provider's generation already changed. Please update the generation and try again."


@writes("DELETE", _PATH, "placement:resource_providers:traits:delete", since="1.6", status=204)
def delete_provider_traits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A provider has no traits any more."""
    replace(tx, hold(tx, request.params["uuid"]).id, set())
    return Reply(204)


ROUTES = (
    list_traits,
    show_trait,
    create_trait,
    delete_trait,
    list_provider_traits,
    set_provider_traits,
    delete_provider_traits,
)


def replace(tx: Tx, provider_id: str, wanted: set[str]) -> bool:
    """The provider has exactly these traits; whether that is news."""
    stored = {row.trait: row for row in tx.all(ProviderTrait, ProviderTrait.c.provider_id == provider_id)}
    for name in stored.keys() - wanted:
        tx.delete(stored[name])
    new = sorted(wanted - stored.keys())
    tx.insert_many([ProviderTrait(id=row_id(provider_id, n), provider_id=provider_id, trait=n) for n in new])
    if stored.keys() == wanted:
        return False
    changes.raise_generations(tx, [provider_id])
    return True


def _view(generation: int, traits: Iterable[str]) -> dict[str, Any]:
    return {"traits": names.in_order(traits), "resource_provider_generation": generation}
