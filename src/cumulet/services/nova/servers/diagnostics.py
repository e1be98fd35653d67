# SPDX-License-Identifier: Apache-2.0
"""What a host can tell of a running guest: processor time, memory, and what went through its disks."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import CallError
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, by_version, keys
from cumulet.services.nova.servers import guards
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server

_RULE = "os_compute_api:os-server-diagnostics"
_SECONDS = 15.0
DRIVER = "libvirt"
"""The API has no other word for what runs guests with QEMU; `hypervisor` is what the host says it is."""
CPU = ("id", "time", "utilisation")
DISK = ("read_bytes", "read_requests", "write_bytes", "write_requests", "errors_count")
NIC = (
    "mac_address",
    *("rx_octets", "rx_errors", "rx_drop", "rx_packets", "rx_rate"),
    *("tx_octets", "tx_errors", "tx_drop", "tx_packets", "tx_rate"),
)
MEMORY = ("maximum", "used")
_COUNTED = dict.fromkeys(("num_cpus", "num_disks", "num_nics", "uptime"), int | None)
WHOLE = keys(
    {**_COUNTED, "driver": Literal["libvirt"], "hypervisor": str | None, "hypervisor_os": str | None},
    state=Literal["running", "paused"],
    config_drive=bool,
    cpu_details=array(keys(dict.fromkeys(CPU, int | None))),
    disk_details=array(keys(dict.fromkeys(DISK, int | None))),
    nic_details=array(keys({**dict.fromkeys(NIC, int | None), "mac_address": str | None})),
    memory_details=keys(dict.fromkeys(MEMORY, int | None)),
)


@route(
    "GET",
    "/servers/{server_id}/diagnostics",
    policy=_RULE,
    answer=by_version({"2.1": dict[str, int], "2.48": WHOLE}),
)
async def show_diagnostics(ctx: Context, request: Request) -> dict[str, Any]:
    """The figures of a guest that runs; below 2.48 as a flat list with the names of its parts."""
    server = await ctx.read(_running, ctx, request)
    try:
        told = await ctx.app.hosts.call(str(server.host), "guest_diagnostics", "", _SECONDS, id=server.id)
    except CallError as error:
        raise Conflict(f"Instance {server.id} is not ready") from error
    return _whole(server, told) if ctx.at("2.48") else _flat(told)


def _running(tx: Tx, ctx: Context, request: Request) -> Server:
    server = server_of(tx, ctx, request, _RULE)
    guards.running(server, "get_diagnostics")
    return server


def _whole(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """What is not known is null."""
    return {
        **{name: told.get(name) for name in ("state", *_COUNTED)},
        "driver": DRIVER,
        "hypervisor": told["driver"],
        "hypervisor_os": "linux",
        "config_drive": server.config_drive,
        "cpu_details": [_only(CPU, item) for item in told["cpu_details"]],
        "disk_details": [_only(DISK, item) for item in told["disk_details"]],
        "nic_details": [_only(NIC, item) for item in told["nic_details"]],
        "memory_details": _only(MEMORY, told["memory_details"]),
    }


def _only(names: tuple[str, ...], item: dict[str, Any]) -> dict[str, Any]:
    return {name: item.get(name) for name in names}


_OLD_DISK = {
    "read": "read_bytes",
    "read_req": "read_requests",
    "write": "write_bytes",
    "write_req": "write_requests",
    "errors": "errors_count",
}


def _flat(told: dict[str, Any]) -> dict[str, int]:
    """In the words in which upstream tells of libvirt; memory is in KiB."""
    found = {f"cpu{cpu['id']}_time": cpu["time"] for cpu in told["cpu_details"]}
    for number, disk in enumerate(told["disk_details"]):
        found |= {f"vd{chr(ord('a') + number)}_{name}": disk[key] for name, key in _OLD_DISK.items()}
    memory = told["memory_details"]
    return found | {"memory": memory["maximum"] * 1024, "memory-actual": memory["used"] * 1024}


ROUTES = (show_diagnostics,)
