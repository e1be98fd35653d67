# SPDX-License-Identifier: Apache-2.0
"""What answers say of servers: fields from the row alone, and fields from other rows, one query a page.

The functions get rows of `servers.model.Server`; that module names them in its declaration.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from cumulet.contracts.neutron import Nic, Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource.shapes import LINKS, array, by_version, either, keys, mapping, maybe, since
from cumulet.kernel.resource.views import OMIT
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.servers import states
from cumulet.services.nova.wire import bookmark

if TYPE_CHECKING:
    from cumulet.services.nova.servers.model import Server

__all__ = ["OMIT"]

EXTRA_SPECS = "os_compute_api:servers:show:flavor-extra-specs"
SHOWN_PROPERTIES = ("os_", "hw_", "img_", "architecture", "vm_mode", "trait:")
"""How the image properties that 2.98 shows begin."""

ADDRESSES = mapping(
    array(
        keys(
            {"OS-EXT-IPS:type": maybe(Literal["fixed", "floating"]), "OS-EXT-IPS-MAC:mac_addr": maybe(str)},
            version=Literal[4, 6],
            addr=str,
        )
    )
)
IMAGE = either(keys(id=str, links=LINKS, properties=since("2.98", dict[str, str])), Literal[""])
FLAVOR = by_version(
    {
        "2.1": keys(id=str, links=LINKS),
        "2.47": keys(
            {**dict.fromkeys(("vcpus", "ram", "disk", "ephemeral", "swap"), int), "original_name": str},
            extra_specs=maybe(dict[str, str]),
        ),
    }
)
FAULT = keys(code=int, created=str, message=str, details=maybe(str))
GROUPS = array(keys(name=str))
DISKS = array(keys(id=str, delete_on_termination=since("2.3", bool)))
DISK_CONFIG = Literal["AUTO", "MANUAL"]


# -- from the row -------------------------------------------------------------------------------------


def status(ctx: Context, row: "Server") -> str:
    return "DELETED" if row.deleted else states.status_of(row.vm_state, row.task_state)


def host_id(ctx: Context, row: "Server") -> str:
    """The host, so that users can tell two apart without learning its name."""
    if not row.host:
        return ""
    return hashlib.sha224(f"{row.project_id}{row.host}".encode()).hexdigest()


def image(ctx: Context, row: "Server") -> Any:
    if row.image_id is None:
        return ""
    body: dict[str, Any] = {"id": row.image_id, "links": bookmark(ctx, f"/images/{row.image_id}")}
    if ctx.at("2.98"):
        body["properties"] = {
            name: value for name, value in row.image_properties.items() if name.startswith(SHOWN_PROPERTIES)
        }
    return body


def flavor(ctx: Context, row: "Server") -> dict[str, Any]:
    """A link below 2.47; from it, what the flavor said when the server was made or resized."""
    copy = row.flavor_copy
    if not ctx.at("2.47"):
        return {"id": row.flavor_id, "links": bookmark(ctx, f"/flavors/{row.flavor_id}")}
    body = {name: copy[name] for name in ("vcpus", "ram", "disk", "ephemeral", "swap")}
    body["original_name"] = copy["name"]
    if ctx.can(EXTRA_SPECS, {"project_id": row.project_id}):
        body["extra_specs"] = copy["extra_specs"]
    return body


def progress(ctx: Context, row: "Server") -> Any:
    shown = status(ctx, row)
    if shown not in states.SHOWS_PROGRESS:
        return OMIT
    return 100 if row.vm_state == "active" and row.task_state is None else 0


def fault(ctx: Context, row: "Server") -> Any:
    if not row.problem or status(ctx, row) not in states.SHOWS_FAULT:
        return OMIT
    shown = dict(row.problem)
    if not ctx.is_admin and shown["code"] == 500:
        shown.pop("details", None)
    return shown


def launched(ctx: Context, row: "Server") -> str | None:
    return row.launched_at


def terminated(ctx: Context, row: "Server") -> str | None:
    return row.terminated_at


# -- from other rows ----------------------------------------------------------------------------------


def nics_of(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, list[Nic]]:
    """The ports of a page of servers; read once for each page, whichever fields want them."""
    known = ctx.__dict__.get("nova_nics")
    if known is None or known[0] is not rows:
        found = tx.app.contract(Ports).nics(tx, [row.id for row in rows if not row.deleted])
        known = ctx.__dict__["nova_nics"] = (rows, found)
    nics: dict[str, list[Nic]] = known[1]
    return nics


def addresses(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, Any]:
    """The addresses of each server by the names of its networks."""
    found = nics_of(tx, ctx, rows)
    return {
        row.id: addresses_of(found.get(row.id, ()), full=True) for row in rows if row.vm_state != "building"
    }


def addresses_of(nics: Sequence[Nic], *, full: bool) -> dict[str, list[dict[str, Any]]]:
    """Addresses by network; `full` ones say their kind and their MAC address too."""
    by_network: dict[str, list[dict[str, Any]]] = {}
    for nic in nics:
        listed = by_network.setdefault(nic.network_name, [])
        floating = defaultdict(list)
        for outer, inner in nic.floating_ips:
            floating[inner].append(outer)
        for fixed in nic.fixed_ips:
            address = fixed["ip_address"]
            for shown, kind in ((address, "fixed"), *((outer, "floating") for outer in floating[address])):
                item: dict[str, Any] = {"version": 6 if ":" in shown else 4, "addr": shown}
                if full:
                    item |= {"OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": nic.mac_address}
                listed.append(item)
    return by_network


def security_groups(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, Any]:
    """The names of the groups on each server's ports; left out for a server that has none."""
    found = nics_of(tx, ctx, rows)
    shown: dict[str, Any] = {}
    for server_id, nics in found.items():
        names = dict.fromkeys(name for nic in nics for _, name in nic.security_groups)
        if names:
            shown[server_id] = [{"name": name} for name in names]
    return shown


def volumes(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, Any]:
    from cumulet.services.nova.servers.devices import devices_of

    found = devices_of(tx, [row.id for row in rows])
    if not ctx.at("2.3"):
        return {id: [{"id": d.volume_id} for d in devices] for id, devices in found.items()}
    return {
        id: [{"id": d.volume_id, "delete_on_termination": d.delete_on_termination} for d in devices]
        for id, devices in found.items()
    }


def host_status(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, str]:
    hosts = compute.computes(tx, {row.host for row in rows if row.host})
    return {row.id: status_of_host(hosts.get(row.host)) for row in rows if row.host}


def status_of_host(host: "compute.Compute | None") -> str:
    if host is None:
        return "UNKNOWN"
    if host.service.forced_down:
        return "DOWN"
    if not host.connected:
        return "UNKNOWN"
    return "MAINTENANCE" if host.service.disabled else "UP"


def tags(tx: Tx, ctx: Context, rows: Sequence["Server"]) -> dict[str, list[str]]:
    from cumulet.services.nova.servers.tags import tags_of

    return tags_of(tx, [row.id for row in rows])
