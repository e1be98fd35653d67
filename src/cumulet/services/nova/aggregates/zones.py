# SPDX-License-Identifier: Apache-2.0
"""A host is in one zone, and stays there while it has servers: what may not be done to aggregates for that.

Who asks holds the hosts' providers in Placement, so that no server is placed on them meanwhile. The
sentences are those of nova/compute/api.py.
"""

from collections.abc import Sequence

from cumulet.contracts.placement import Allocator
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Error
from cumulet.services.nova.aggregates.model import Aggregate, aggregates_of
from cumulet.services.nova.compute.model import Hypervisor
from cumulet.services.nova.servers.model import Server

_MOVE = (
    "The host cannot be {how} the aggregate as the availability zone of the host would change from '{old}' "
    "to '{new}' but the host already has {count} instance(s). Changing the AZ of an existing instance is not "
    "supported by this action. Move the instances away from this host then try again. If you need to move "
    "the instances between AZs then you can use shelve_offload and unshelve to achieve this."
)


def hold(tx: Tx, hosts: Sequence[str]) -> None:
    """Nobody places servers on these hosts until this transaction ends."""
    rows = tx.all(Hypervisor, Hypervisor.c.host.in_(list(hosts)))
    tx.app.contract(Allocator).hold(tx, [row.id for row in rows])


def check_change(tx: Tx, aggregate: Aggregate, hosts: Sequence[str], zone: str | None, verb: str) -> None:
    """Raise BadRequest unless all hosts of the aggregate may be in this zone from now on."""
    refusal = f"Cannot {verb} aggregate {aggregate.number}. Reason: "
    if not zone:
        raise BadRequest(
            f"{refusal}Aggregate {aggregate.name} does not support empty named availability zone."
        )
    _check_others(tx, aggregate, hosts, zone, BadRequest(refusal))
    if zone != aggregate.zone and _count(tx, hosts):
        raise BadRequest(f"{refusal}One or more hosts contain instances in this zone.")


def check_entry(tx: Tx, aggregate: Aggregate, host: str) -> None:
    """Raise Conflict unless the host may come into the aggregate's zone."""
    if aggregate.zone is None:
        return
    refusal = Conflict(f"Cannot add host to aggregate {aggregate.number}. Reason: ")
    _check_others(tx, aggregate, [host], aggregate.zone, refusal)
    old = _other_zone(tx, aggregate, host)
    if old != aggregate.zone and (count := _count(tx, [host])):
        refusal.message += _MOVE.format(how="added to", old=old, new=aggregate.zone, count=count) + "."
        raise refusal


def check_exit(tx: Tx, aggregate: Aggregate, host: str) -> None:
    """Raise Conflict unless the host may leave the aggregate's zone."""
    if aggregate.zone is None:
        return
    new = _other_zone(tx, aggregate, host)
    if new != aggregate.zone and (count := _count(tx, [host])):
        why = _MOVE.format(how="removed from", old=aggregate.zone, new=new, count=count)
        raise Conflict(f"Cannot remove host from aggregate {aggregate.number}. Reason: {why}.")


def _check_others(tx: Tx, aggregate: Aggregate, hosts: Sequence[str], zone: str, refusal: Error) -> None:
    """Raise the refusal, finished, when another aggregate has one of the hosts in another zone."""
    others = {
        other.id: other.zone
        for listed in aggregates_of(tx, hosts).values()
        for other in listed
        if other.id != aggregate.id and other.zone not in (None, zone)
    }
    if others:
        names = list(others.values())
        refusal.message += f"One or more hosts already in availability zone(s) {names}."
        raise refusal


def _other_zone(tx: Tx, aggregate: Aggregate, host: str) -> str | None:
    """The zone in which the other aggregates of the host put it, None when they do not."""
    others = aggregates_of(tx, [host]).get(host, ())
    return next((other.zone for other in others if other.id != aggregate.id and other.zone), None)


def _count(tx: Tx, hosts: Sequence[str]) -> int:
    return tx.count(Server, Server.c.host.in_(list(hosts)), Server.c.deleted.is_(False))
