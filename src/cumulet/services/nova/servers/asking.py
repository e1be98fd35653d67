# SPDX-License-Identifier: Apache-2.0
"""What a request for servers asks for, read once from its body."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.messages import as_flag
from cumulet.kernel.resource.schema import Checked
from cumulet.services.nova.names import check_name
from cumulet.services.nova.servers import schemas

CREATE = Checked(schemas.create)


@dataclass(frozen=True, kw_only=True)
class AskedNic:
    """One item of `networks`."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where servers should be put. `forced_host` passes by the scheduler, `host` only narrows its choice."""

    zone: str | None = None
    forced_host: str | None = None
    host: str | None = None
    hints: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group_id(self) -> str | None:
        group = self.hints.get("group")
        return group[0] if isinstance(group, list) and group else group if isinstance(group, str) else None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for servers. `networks` None leaves the choice to us; an empty list means none."""

    name: str
    flavor_id: str
    image_id: str | None
    least: int
    most: int
    networks: Sequence[AskedNic] | None
    devices: Sequence[Mapping[str, Any]]
    legacy_devices: Sequence[Mapping[str, Any]]
    placement: Placement
    security_groups: Sequence[str]
    given: Mapping[str, Any]
    """The body's `server`, for what goes into the row as it is."""

    @property
    def several(self) -> bool:
        return self.most > 1


def read(ctx: Context, body: Any) -> Asked:
    """What the body asks for. Raises BadRequest in upstream's words for what makes no sense by itself."""
    body = CREATE(ctx, body)
    given = body["server"]
    name = check_name(given["name"].strip() if not ctx.at("2.1") else given["name"])
    least, most = _counts(given)
    if given.get("block_device_mapping") and given.get("block_device_mapping_v2"):
        raise BadRequest("Using different block_device_mapping syntaxes is not allowed in the same request.")
    asked = Asked(
        name=name,
        flavor_id=str(given["flavorRef"]),
        image_id=given.get("imageRef") or None,
        least=least,
        most=most,
        networks=_networks(given.get("networks"), most),
        devices=given.get("block_device_mapping_v2") or (),
        legacy_devices=given.get("block_device_mapping") or (),
        placement=_placement(given, body),
        security_groups=_groups(given),
        given=given,
    )
    _check_user_data(given.get("user_data"))
    if asked.several and "hostname" in given:
        raise BadRequest("Unable to allocate a single hostname to multiple instances")
    return asked


def _counts(given: Mapping[str, Any]) -> tuple[int, int]:
    least = int(given.get("min_count", 1))
    most = int(given.get("max_count", least))
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    return least, most


def _groups(given: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(item["name"] for item in given.get("security_groups", ()) if "name" in item))


def _check_user_data(text: str | None) -> None:
    try:
        base64.b64decode(text or "", validate=False)
    except binascii.Error:
        raise BadRequest("User data needs to be valid base 64.") from None


def _networks(asked: Any, most: int) -> list[AskedNic] | None:
    if asked is None or asked == "auto":
        return None
    if asked == "none":
        return []
    if not asked:
        return None
    nics = [_nic(item, most) for item in asked]
    ports = [nic.port_id for nic in nics if nic.port_id]
    for port in ports:
        if ports.count(port) > 1:
            raise BadRequest(
                f"Port ID '{port}' was specified twice: you cannot attach a port multiple times."
            )
    return nics


def _nic(item: Mapping[str, Any], most: int) -> AskedNic:
    port, network, address = item.get("port"), item.get("uuid"), item.get("fixed_ip")
    if port:
        if address:
            raise BadRequest(
                f"Specified Fixed IP '{address}' cannot be used with port '{port}': "
                "the two cannot be specified together."
            )
        if most > 1:
            raise BadRequest(
                "Failed to launch instances: Unable to launch multiple instances with a single configured "
                "port ID. Please launch your instance one by one with different ports."
            )
        return AskedNic(port_id=port, tag=item.get("tag"))
    if not network:
        raise BadRequest("Bad network format: missing 'uuid'")
    if address and most > 1:
        raise BadRequest(
            "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified."
        )
    return AskedNic(network_id=network, fixed_ip=address, tag=item.get("tag"))


def _placement(given: Mapping[str, Any], body: Mapping[str, Any]) -> Placement:
    zone, _, forced = (given.get("availability_zone") or "").partition(":")
    host, _, node = forced.partition(":")
    wanted = given.get("host") or given.get("hypervisor_hostname")
    if (host or node) and wanted:
        raise BadRequest(
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node "
            "are mutually exclusive."
        )
    hints = body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {}
    return Placement(zone=zone or None, forced_host=host or node or None, host=wanted, hints=hints)


def authorize(ctx: Context, asked: Asked) -> None:
    """Raise NotPermitted unless the caller may make servers like that."""
    rules = ["os_compute_api:servers:create"]
    if asked.devices or asked.legacy_devices:
        rules.append("os_compute_api:servers:create:attach_volume")
    if asked.networks:
        rules.append("os_compute_api:servers:create:attach_network")
    if asked.placement.forced_host:
        rules.append("os_compute_api:servers:create:forced_host")
    if asked.placement.host:
        rules.append("compute:servers:create:requested_destination")
    if asked.given.get("trusted_image_certificates"):
        rules.append("os_compute_api:servers:create:trusted_certs")
    for rule in rules:
        ctx.require(rule)


def flag(given: Mapping[str, Any], name: str) -> bool:
    return as_flag(given.get(name, False))


def ambiguous() -> Conflict:
    return Conflict("Multiple possible networks found, use a Network ID to be more specific.")
