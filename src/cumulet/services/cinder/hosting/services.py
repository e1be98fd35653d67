# SPDX-License-Identifier: Apache-2.0
"""The services that clients expect: one scheduler, and a volume service for each host."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, maybe, since
from cumulet.services.cinder.errors import InvalidInput
from cumulet.services.cinder.volumes.placement import DisabledHost, FrozenHost
from cumulet.services.cinder.volumes.views import BACKEND, backend_host

SCHEDULER, VOLUME = "cinder-scheduler", "cinder-volume"
CONTROL = "control"
"""The name of the control plane where clients expect a host's."""
BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "binary": {"type": "string", "minLength": 1, "maxLength": 255},
        "service": {"type": "string", "minLength": 1, "maxLength": 255},
        "host": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        "cluster": {"type": ["string", "null"]},
        "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "anyOf": [{"required": ["binary"]}, {"required": ["service"]}],
    "additionalProperties": False,
}
TOLD = Checked(BODY)
FROZEN = Checked(
    {
        "type": "object",
        "properties": {"host": BODY["properties"]["host"], "cluster": BODY["properties"]["cluster"]},
        "additionalProperties": False,
    }
)


STATUS, STATE = Literal["enabled", "disabled"], Literal["up", "down"]
SERVICE = keys(
    binary=str,
    host=str,
    zone=str,
    status=STATUS,
    state=STATE,
    updated_at=str,
    disabled_reason=str | None,
    replication_status=maybe(Literal["disabled"]),
    active_backend_id=maybe(None),
    frozen=maybe(bool),
    backend_state=since("3.49", maybe(STATE)),
    cluster=since("3.7", None),
)
"""A service. What tells of a backend stands only in those that keep volumes."""
_CHANGED = {"host": str, "service": str, "binary": str, "status": STATUS, "disabled": bool}
CHANGED, CHANGED_WITH_REASON = keys(_CHANGED), keys(_CHANGED, disabled_reason=str | None)


@route("GET", "/os-services", query=("host", "binary"), answer=keys(services=array(SERVICE)))
def list_services(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every service, where it runs, and whether it is up and may be given work."""
    ctx.require("volume_extension:services:index")
    time = ctx.service.api.wire.time
    disabled = {row.id: row for row in tx.all(DisabledHost)}
    frozen = {row.id for row in tx.all(FrozenHost)}
    found = [_entry(SCHEDULER, CONTROL, time(tx.now), up=True, disabled=None)]
    for host in tx.all(HostRow, order_by=(HostRow.c.id,)):
        off = disabled.get(host.id)
        entry = _entry(VOLUME, backend_host(host.id), time(host.seen_at), up=host.state == "up", disabled=off)
        entry |= {"replication_status": "disabled", "active_backend_id": None, "frozen": host.id in frozen}
        if ctx.at("3.49"):
            entry["backend_state"] = entry["state"]
        found.append(entry)
    if ctx.at("3.7"):
        found = [{**entry, "cluster": None} for entry in found]
    named, binary = request.query.get("host"), request.query.get("binary")
    if named is not None:  # a host alone stands for all its backends
        found = [
            entry for entry in found if entry["host"].partition("@")[0] == named or entry["host"] == named
        ]
    if binary is not None:
        found = [entry for entry in found if entry["binary"] == binary]
    return {"services": found}


def _entry(binary: str, host: str, seen: str, *, up: bool, disabled: DisabledHost | None) -> dict[str, Any]:
    return {
        "binary": binary,
        "host": host,
        "zone": "nova",
        "status": "enabled" if disabled is None else "disabled",
        "state": "up" if up else "down",
        "updated_at": seen,
        "disabled_reason": disabled.reason if disabled is not None else None,
    }


@route("PUT", "/os-services/enable", schema=TOLD.at, answer=CHANGED)
def enable(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The host may be given new volumes again."""
    asked, host = _told(tx, ctx, request)
    tx.delete_where(DisabledHost, DisabledHost.c.id == host)
    return {**asked, "status": "enabled", "disabled": False}


@route("PUT", "/os-services/disable", schema=TOLD.at, answer=CHANGED)
def disable(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The host is given no new volumes; those that it has stay."""
    asked, host = _told(tx, ctx, request)
    _disable(tx, host, None)
    return {**asked, "status": "disabled", "disabled": True}


@route("PUT", "/os-services/disable-log-reason", schema=TOLD.at, answer=CHANGED_WITH_REASON)
def disable_with_reason(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The host is given no new volumes, and says why."""
    asked, host = _told(tx, ctx, request)
    reason = request.body.get("disabled_reason")
    _disable(tx, host, reason)
    return {**asked, "status": "disabled", "disabled": True, "disabled_reason": reason}


@route("PUT", "/os-services/freeze", schema=FROZEN.at)
def freeze(tx: Tx, ctx: Context, request: Request) -> None:
    """Nothing on the host is to change, and it is given no new volumes."""
    host = _backend(tx, ctx, request, "volume:freeze_host")
    if tx.get(FrozenHost, host) is not None:
        raise _unchanged(host, "False")
    tx.insert(FrozenHost(id=host))
    _disable(tx, host, "frozen")


@route("PUT", "/os-services/thaw", schema=FROZEN.at)
def thaw(tx: Tx, ctx: Context, request: Request) -> None:
    """The host is as it was before it was frozen."""
    host = _backend(tx, ctx, request, "volume:thaw_host")
    if tx.get(FrozenHost, host) is None:
        raise _unchanged(host, "True")
    tx.delete_where(FrozenHost, FrozenHost.c.id == host)
    tx.delete_where(DisabledHost, DisabledHost.c.id == host)


def _unchanged(host: str, expected: str) -> InvalidInput:
    return InvalidInput(
        f"No service could be changed: frozen in ['{backend_host(host)}'] must be {expected} to failover."
    )


def _disable(tx: Tx, host: str, reason: str | None) -> None:
    row = tx.get(DisabledHost, host)
    if row is None:
        tx.insert(DisabledHost(id=host, reason=reason))
    else:
        tx.update(row, reason=reason)


def _told(tx: Tx, ctx: Context, request: Request) -> tuple[dict[str, Any], str]:
    """What the body names, as answers repeat it, and the host meant. Raises NotFound, InvalidInput."""
    ctx.require("volume_extension:services:update")
    body = TOLD(ctx, request.body)
    named = body.get("host")
    if not named:
        raise InvalidInput("Host field is missing.")
    host = _plain(named)
    binary = body.get("binary") or body.get("service")
    if binary != VOLUME or tx.get(HostRow, host) is None:
        raise NotFound(f"Service {binary} could not be found on host {named}.")
    return {"host": named, "service": body.get("service", ""), "binary": body.get("binary", "")}, host


def _backend(tx: Tx, ctx: Context, request: Request, policy: str) -> str:
    """The host whose backend the body names. Raises InvalidInput."""
    ctx.require("volume_extension:services:update")
    named = FROZEN(ctx, request.body).get("host")
    if not named:
        raise InvalidInput("Host field is missing.")
    ctx.require(policy)
    host = _plain(named)
    if tx.get(HostRow, host) is None:
        raise InvalidInput(f"No service found with host={named}")
    return host


def _plain(named: str) -> str:
    """A host by its own name; its backend's stands for it too."""
    host, _, backend = named.partition("@")
    return host if backend in ("", BACKEND) else named


ROUTES = (list_services, enable, disable, disable_with_reason, freeze, thaw)
