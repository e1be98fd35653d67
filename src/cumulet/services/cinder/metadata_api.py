# SPDX-License-Identifier: Apache-2.0
"""The metadata of volumes and snapshots as a resource of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.cinder import metadata
from cumulet.services.cinder.metadata import Pairs, SnapshotMetadata, VolumeMetadata
from cumulet.services.cinder.schemas import METADATA, thing
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.metadata_rules import check_unlocked
from cumulet.services.cinder.volumes.model import Volume

OBJECT = {**METADATA, "type": "object"}
ALL = Checked(thing("metadata", metadata=OBJECT))
ONE = Checked(thing("meta", meta={**OBJECT, "minProperties": 1}))

PAIRS, PAIR = keys(metadata=dict[str, str]), keys(meta=dict[str, str])


@dataclass(frozen=True)
class Kind:
    """What can have metadata: its rows, and the policies that let one read and change it."""

    owner: type[Volume] | type[Snapshot]
    pairs: Pairs
    get: str
    create: str
    update: str
    delete: str
    check: Callable[..., None] = lambda row, doing="": None


KINDS = {
    "volume_id": Kind(
        Volume,
        VolumeMetadata,
        get="volume:get_volume_metadata",
        create="volume:create_volume_metadata",
        update="volume:update_volume_metadata",
        delete="volume:delete_volume_metadata",
        check=check_unlocked,
    ),
    "snapshot_id": Kind(
        Snapshot,
        SnapshotMetadata,
        get="volume:get_snapshot_metadata",
        create="volume:update_snapshot_metadata",
        update="volume:update_snapshot_metadata",
        delete="volume:delete_snapshot_metadata",
    ),
}


def both(method: str, path: str, **rules: Any) -> Callable[[Any], Any]:
    """The same route for volumes and for snapshots."""

    def mark(function: Any) -> Any:
        for owner in ("volume", "snapshot"):
            name = f"{owner}_metadata_{function.__name__}"
            whole = f"/{owner}s/{{{owner}_id}}/metadata{path}"
            function = route(method, whole, name=name, **rules)(function)
        return function

    return mark


def _owner(tx: Tx, ctx: Context, request: Request, verb: str) -> tuple[Kind, Any]:
    """The kind, and the row that the path names; whoever may not do this is refused."""
    name, kind = next((name, kind) for name, kind in KINDS.items() if name in request.params)
    return kind, fetch_by_key(tx, ctx, kind.owner, request.params[name], getattr(kind, verb))


@both("GET", "", answer=PAIRS)
def show_all(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All of its metadata."""
    kind, owner = _owner(tx, ctx, request, "get")
    return {"metadata": metadata.load(tx, kind.pairs, [owner.id]).get(owner.id, {})}


@both("POST", "", schema=ALL.at, answer=PAIRS)
def add(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """These keys are set; the others stay."""
    kind, owner = _owner(tx, ctx, request, "create")
    wanted = ALL(ctx, request.body)["metadata"]
    kind.check(owner)
    return {"metadata": metadata.merge(tx, kind.pairs, owner.id, wanted)}


@both("PUT", "", schema=ALL.at, answer=PAIRS)
def replace(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """These keys are all that there is."""
    kind, owner = _owner(tx, ctx, request, "update")
    wanted = ALL(ctx, request.body)["metadata"]
    kind.check(owner)
    return {"metadata": metadata.replace(tx, kind.pairs, owner.id, wanted)}


@both("GET", "/{key}", answer=PAIR)
def show_one(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One key and its value."""
    kind, owner = _owner(tx, ctx, request, "get")
    key = request.params["key"]
    found = metadata.load(tx, kind.pairs, [owner.id]).get(owner.id, {})
    if key not in found:
        raise _no_key(owner, key)
    return {"meta": {key: found[key]}}


@both("PUT", "/{key}", schema=ONE.at, answer=PAIR)
def set_one(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One key has this value; the others stay."""
    kind, owner = _owner(tx, ctx, request, "update")
    wanted = ONE(ctx, request.body)["meta"]
    if request.params["key"] not in wanted:
        raise BadRequest("Request body and URI mismatch")
    if len(wanted) > 1:
        raise BadRequest("Request body contains too many items")
    kind.check(owner)
    metadata.merge(tx, kind.pairs, owner.id, wanted)
    return {"meta": wanted}


@both("DELETE", "/{key}")
def remove_one(tx: Tx, ctx: Context, request: Request) -> Reply:
    """One key is gone."""
    kind, owner = _owner(tx, ctx, request, "delete")
    kind.check(owner, "Deleting")
    if not metadata.remove(tx, kind.pairs, owner.id, request.params["key"]):
        raise _no_key(owner, request.params["key"])
    return Reply(200)


def _no_key(owner: Any, key: str) -> NotFound:
    return NotFound(f"{type(owner).__name__} {owner.id} has no metadata with key {key}.")


ROUTES = (show_all, add, replace, show_one, set_one, remove_one)
