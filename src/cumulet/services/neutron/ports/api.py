# SPDX-License-Identifier: Apache-2.0
"""The operations on ports."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.services.neutron import standard
from cumulet.services.neutron.ports import changes
from cumulet.services.neutron.ports.model import (
    FLOATING_IP,
    ROUTER_GATEWAY,
    ROUTER_INTERFACE,
    Address,
    Membership,
    Port,
)
from cumulet.services.neutron.routers.model import Router

OWN_API = (ROUTER_INTERFACE, ROUTER_GATEWAY, FLOATING_IP)


def create_port(tx: Tx, ctx: Context, given: dict[str, Any]) -> Port:
    """Make a port where the caller may, with the addresses they may choose."""
    if any("ip_address" in item for item in given.get("fixed_ips", ())):
        ctx.require("create_port:fixed_ips:ip_address", Port.target_of_new(tx, ctx, given))
    _check_device(tx, ctx, given, given.get("device_owner", ""))
    return changes.make_port(tx, ctx, given)


def update_port(tx: Tx, ctx: Context, port: Port, given: dict[str, Any]) -> Port:
    if any("ip_address" in item for item in given.get("fixed_ips", ())):
        ctx.require("update_port:fixed_ips:ip_address", Port.target(tx, port))
    _check_device(tx, ctx, given, given.get("device_owner", port.device_owner))
    return changes.change_port(tx, ctx, port, given)


def _check_device(tx: Tx, ctx: Context, given: dict[str, Any], device_owner: str) -> None:
    """Nobody but its owner puts a port on a router."""
    device_id = given.get("device_id")
    if ctx.is_admin or not device_id or device_owner not in changes.LEGS:
        return
    router = tx.get(Router, device_id)
    if router is not None and router.project_id != ctx.project_id:
        raise Conflict(
            f"The following device_id {device_id} is not owned by your project or matches another "
            "project router.",
            kind="DeviceIDNotOwnedByTenant",
        )


def delete_port(tx: Tx, ctx: Context, port: Port) -> None:
    if port.device_owner in OWN_API and _is_held(tx, port):
        raise Conflict(
            f"Port {port.id} cannot be deleted directly via the port API: has device owner "
            f"{port.device_owner}.",
            kind="ServicePortInUse",
        )
    changes.end_port(tx, ctx, port)


def _is_held(tx: Tx, port: Port) -> bool:
    """Whether the router or floating IP that owns the port exists; upstream lets orphans be deleted."""
    from cumulet.services.neutron.floating_ips.model import FloatingIp

    if port.device_owner == FLOATING_IP:
        return tx.exists(FloatingIp, FloatingIp.c.floating_port_id == port.id)
    return tx.get(Router, port.device_id) is not None


# -- filters --------------------------------------------------------------------------------------------


def by_fixed_ips(ctx: Context, sent: list[str]) -> Any:
    """`fixed_ips=subnet_id=...&fixed_ips=ip_address=...`: a port must meet one of each kind."""
    asked: dict[str, list[str]] = {}
    for text in sent:
        key, equals, value = text.partition("=")
        if not equals or key not in ("subnet_id", "ip_address", "ip_address_substr"):
            raise BadRequest(
                f"Invalid input for operation: '{text}' is not of the form <key>=[value].",
                kind="InvalidInput",
            )
        asked.setdefault(key, []).append(value)
    holding = []
    for key, values in asked.items():
        if key == "ip_address_substr":
            holding.append(
                sa.or_(*(Address.c.ip_address.contains(value, autoescape=True) for value in values))
            )
        else:
            holding.append(Address.c[key].in_(values))
    return Port.c.id.in_(sa.select(Address.c.port_id).where(*holding))


def by_security_groups(ctx: Context, sent: list[str]) -> Any:
    return Port.c.id.in_(sa.select(Membership.c.port_id).where(Membership.c.group_id.in_(sent)))


CREATE = Create(policy="create_port", run=create_port, quota={"port": 1}, bulk=True)
UPDATE = Update(policy="update_port", run=update_port)

PORTS = expose(
    Port,
    List(
        policy="get_port",
        filters={
            **standard.filters_of(Port),
            "fixed_ips": by_fixed_ips,
            "security_groups": by_security_groups,
        },
    ),
    Show(policy="get_port"),
    CREATE,
    UPDATE,
    Delete(policy="delete_port", run=delete_port),
)
