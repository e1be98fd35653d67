# SPDX-License-Identifier: Apache-2.0
"""Transfers: a volume is offered to whoever knows a key, and becomes theirs, with its snapshots.

They stand under two paths: `os-volume-transfer`, and `volume-transfers` from 3.55 on, where the
snapshots may stay behind.
"""

import hashlib
import hmac
import secrets
from typing import Any, ClassVar

from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.kernel.resource import Create, Delete, Exposed, List, Resource, Show, expose, field, ident, owner
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import bare, keys
from cumulet.kernel.resource.views import render
from cumulet.kernel.resource.writing import Made
from cumulet.lib.timestamps import Timestamp
from cumulet.services.cinder import listing
from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.quotas.usage import charge_transfer
from cumulet.services.cinder.schemas import BOOLEAN, TEXT, UUID, thing
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes.model import Volume

NEW_PATH = "3.55"
ACCEPT = Checked(thing("accept", accept=thing("auth_key", auth_key={"type": ["string", "integer"]})))


class VolumeTransfer(Resource, service="cinder", path="/volume-transfers", member="transfer"):
    """An offer of a volume. The key is told once, and kept as a salted hash."""

    linked: ClassVar[bool] = True
    missing = "Transfer {id} could not be found."

    id: str = ident()
    name: str | None = field(default=None, create=True, brief=True, filter=True, sort=True, schema=TEXT)
    volume_id: str = field(
        create=True,
        brief=True,
        filter=True,
        index=True,
        references="cinder_volumes.id",
        on_delete="CASCADE",
        schema=UUID,
    )
    no_snapshots: bool = field(default=False, create=True, since=NEW_PATH, schema=BOOLEAN)
    accepted: bool = field(default=False, since="3.57")
    destination_project_id: str | None = field(default=None, since="3.57")
    salt: str = field(default="", hidden=True)
    key_hash: str = field(default="", hidden=True)
    project_id: str = owner(wire="source_project_id", since="3.57")
    created_at: Timestamp = field(default=Timestamp(""), sort=True)


class OldVolumeTransfer(
    VolumeTransfer, service="cinder", path="/os-volume-transfer", member="transfer", table="cinder_transfers"
):
    """The same offers under their older path."""


def hashed(salt: str, key: str) -> str:
    return hmac.new(salt.encode(), key.encode(), hashlib.sha256).hexdigest()


def offer(tx: Tx, ctx: Context, given: dict[str, Any]) -> Made:
    """A volume that nothing uses is offered; the answer tells the key."""
    volume: Volume = fetch_by_key(tx, ctx, Volume, given["volume_id"], "volume:create_transfer")
    if volume.status != "available":
        raise InvalidVolume("status must be available")
    alone = as_flag(given.get("no_snapshots", False))
    staying = tx.exists(Snapshot, Snapshot.c.volume_id == volume.id, Snapshot.c.status != "available")
    if staying and not alone:
        raise InvalidVolume("snapshot: status must be available")
    tx.update(volume, status="awaiting-transfer")
    salt, key = secrets.token_hex(8), secrets.token_hex(8)
    transfer = VolumeTransfer(
        id=ids.dashed(),
        name=(given.get("name") or "").strip() or None,
        volume_id=volume.id,
        no_snapshots=alone,
        salt=salt,
        key_hash=hashed(salt, key),
        project_id=volume.project_id,
    )
    return Made(tx.insert(transfer), {"auth_key": key})


def withdraw(tx: Tx, ctx: Context, transfer: VolumeTransfer) -> None:
    """The offer is taken back; the volume can be used again."""
    volume = tx.get(Volume, transfer.volume_id)
    if volume is not None and volume.status == "awaiting-transfer":
        tx.update(volume, status="available")
    tx.delete(transfer)


OFFER = keys(transfer=bare(VolumeTransfer, brief=True))


@route(
    "POST",
    "/volume-transfers/{transfer_id}/accept",
    since=NEW_PATH,
    schema=ACCEPT.at,
    status=202,
    answer=OFFER,
)
@route("POST", "/os-volume-transfer/{transfer_id}/accept", schema=ACCEPT.at, status=202, answer=OFFER)
def accept_transfer(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The volume is the caller's, if the key is right and the caller's quota has room."""
    ctx.require("volume:accept_transfer")
    key = str(ACCEPT(ctx, request.body)["accept"]["auth_key"])
    id = request.params["transfer_id"]
    transfer = tx.get(VolumeTransfer, id)
    if transfer is None:
        raise VolumeTransfer.not_found(ctx, id)
    if not hmac.compare_digest(transfer.key_hash, hashed(transfer.salt, key)):
        raise BadRequest(f"Invalid auth key: Attempt to transfer {id} with invalid auth key.")
    _hand_over(tx, ctx, tx.need(Volume, transfer.volume_id), transfer)
    transfer = transfer.but(accepted=True, destination_project_id=ctx.project_id)
    return Reply(202, {"transfer": render(tx, ctx, VolumeTransfer, [transfer], brief=True)[0]})


def _hand_over(tx: Tx, ctx: Context, volume: Volume, transfer: VolumeTransfer) -> None:
    project_id = str(ctx.project_id)
    moving = [] if transfer.no_snapshots else tx.all(Snapshot, Snapshot.c.volume_id == volume.id)
    charge_transfer(tx, ctx, project_id, [volume, *moving], tx.need(VolumeType, volume.volume_type_id))
    volume = tx.update(volume, project_id=project_id, user_id=ctx.user_id, status="available")
    for snapshot in moving:
        tx.update(snapshot, project_id=project_id, user_id=ctx.user_id)
    tx.delete(transfer)
    events.emit(tx, ctx, "volume.transfer", volume)


def _exposed(cls: type[VolumeTransfer], since: str) -> Exposed:
    listed: dict[str, Any] = {
        "policy": "volume:get_all_transfers",
        "where": listing.of_project(VolumeTransfer),
        "since": since,
    }
    return expose(
        cls,
        List(**listed, brief=True),
        List(**listed, detail=True),
        Show(policy="volume:get_transfer", since=since),
        Create(
            policy="volume:create_transfer",
            run=offer,
            status=202,
            since=since,
            beside={"auth_key": str},
        ),
        Delete(policy="volume:delete_transfer", run=withdraw, status=202, since=since),
    )


TRANSFERS = (_exposed(VolumeTransfer, NEW_PATH), _exposed(OldVolumeTransfer, ""))
ROUTES = (accept_transfer,)
