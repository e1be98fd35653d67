# SPDX-License-Identifier: Apache-2.0
"""Accepting servers: all that a request makes is committed at once, or nothing."""

import base64
import binascii
import dataclasses
import secrets
from collections.abc import Mapping, Sequence

from cumulet.contracts.glance import ImageInfo, Images
from cumulet.contracts.neutron import NicRequest, Ports
from cumulet.kernel import events, ids, quota, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Error, Forbidden, NotFound, OverQuota
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, either, keys
from cumulet.services.nova import keypairs
from cumulet.services.nova.aggregates.model import DEFAULT_ZONE
from cumulet.services.nova.compute import model as compute
from cumulet.services.nova.flavors.model import Flavor, embedded
from cumulet.services.nova.names import hostname_of
from cumulet.services.nova.quotas import of_classes
from cumulet.services.nova.server_groups import ServerGroup
from cumulet.services.nova.servers import asking, block_devices, flows, history, tags, views
from cumulet.services.nova.servers.asking import Asked, AskedNic
from cumulet.services.nova.servers.block_devices import Layout
from cumulet.services.nova.servers.demand import USUAL, asked_for
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.resize.model import disk_gb
from cumulet.services.nova.wire import item_links

PASSWORD_LENGTH = 12
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """One request whose parts were looked up: what every server of it is made of."""

    asked: Asked
    flavor: Flavor
    layout: Layout
    nics: Sequence[AskedNic]
    group: ServerGroup | None
    key: keypairs.Keypair | None
    reservation_id: str


MADE = keys(
    {"OS-DCF:diskConfig": views.DISK_CONFIG},
    id=str,
    links=LINKS,
    security_groups=views.GROUPS,
    adminPass=str,
)


@route(
    "POST",
    "/servers",
    policy="os_compute_api:servers:create",
    schema=asking.CREATE.at,
    status=202,
    answer=either(keys(server=MADE), keys(reservation_id=str)),
)
def create_server(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept one server or several: rows, ports, volumes, quota and the sagas that make them, or nothing."""
    asked = asking.read(ctx, request.body)
    asking.authorize(ctx, asked)
    order = look_up(tx, ctx, asked)
    count = charge(tx, ctx, order)
    servers = [make(tx, ctx, order, number, count) for number in range(count)]
    return _reply(ctx, asked, servers[0])


def _reply(ctx: Context, asked: Asked, server: Server) -> Reply:
    path = f"/servers/{server.id}"
    if asking.flag(asked.given, "return_reservation_id"):
        return Reply(202, {"reservation_id": server.reservation_id})
    body = {
        "id": server.id,
        "links": item_links(ctx, path),
        "OS-DCF:diskConfig": server.disk_config,
        "security_groups": asked.given.get("security_groups", [{"name": "default"}]),
        "adminPass": asked.given.get("adminPass") or password(),
    }
    return Reply(202, {"server": body}, {"Location": f"{ctx.base_url}/v2.1{path}"})


def password() -> str:
    """A password of 12 letters and digits that cannot be mistaken for one another."""
    return "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))


# -- looking up what was named ------------------------------------------------------------------------


def look_up(tx: Tx, ctx: Context, asked: Asked) -> Order:
    """What the request names. Raises BadRequest for what does not exist or does not fit."""
    flavor = _flavor(tx, ctx, asked.flavor_id)
    image = _image(tx, ctx, asked)
    if image is not None:
        check_bootable(image, flavor)
    layout = block_devices.plan(tx, ctx, asked, flavor, image)
    if layout.image is not None:
        check_image(layout.image, flavor)
        if flavor.disk == 0 and not ctx.can("os_compute_api:servers:create:zero_disk_flavor"):
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    _check_where(tx, asked)
    return Order(
        asked=asked,
        flavor=flavor,
        layout=layout,
        nics=_nics(tx, ctx, asked),
        group=_group(tx, ctx, asked),
        key=_key(tx, ctx, asked.given.get("key_name")),
        reservation_id=f"r-{ids.plain()[:8]}",
    )


def _flavor(tx: Tx, ctx: Context, flavor_id: str) -> Flavor:
    visible = Flavor.visible(ctx)
    where = [Flavor.c.id == flavor_id, *([visible] if visible is not None else [])]
    flavor = tx.first(Flavor, *where)
    if flavor is None:
        raise BadRequest(f"Flavor {flavor_id} could not be found.")
    return flavor


def _image(tx: Tx, ctx: Context, asked: Asked) -> ImageInfo | None:
    if asked.image_id is None:
        if not asked.devices and not asked.legacy_devices:
            raise BadRequest("Missing imageRef attribute")
        return None
    image = tx.app.contract(Images).image(tx, ctx, asked.image_id)
    if image is None:
        raise BadRequest("Can not find requested image")
    return image


def check_bootable(image: ImageInfo, flavor: Flavor) -> None:
    """Raise BadRequest unless a server of this flavor can be made from what the image is or names."""
    if image.status != "active":
        raise BadRequest(f"Image {image.id} is not active.")
    if flavor.ram < image.min_ram:
        raise BadRequest("Flavor's memory is too small for requested image.")


def check_image(image: ImageInfo, flavor: Flavor) -> None:
    """Raise BadRequest unless a server of this flavor can have its root disk made from the image."""
    check_bootable(image, flavor)
    if not flavor.disk:
        return
    size = flavor.disk * 2**30
    if size < image.min_disk * 2**30:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is "
            f"{size} bytes, minimum size is {image.min_disk * 2**30} bytes."
        )
    needs = max(image.size or 0, image.virtual_size or 0)
    if size < needs:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {size} bytes, image is {needs} "
            "bytes."
        )


def _check_where(tx: Tx, asked: Asked) -> None:
    where = asked.placement
    named = where.forced_host or where.host
    if named is None and where.zone is None:
        return
    known = compute.computes(tx)
    if named is not None and named not in known:
        raise BadRequest(f"Compute host {named} could not be found.")
    if where.zone is not None and where.zone not in {host.zone for host in known.values()}:
        raise BadRequest("The requested availability zone is not available")


def _nics(tx: Tx, ctx: Context, asked: Asked) -> Sequence[AskedNic]:
    ports = tx.app.contract(Ports)
    if asked.networks is not None:
        for nic in asked.networks:
            if nic.network_id and ports.network(tx, ctx, nic.network_id) is None:
                raise BadRequest(f"Network {nic.network_id} could not be found.")
        return asked.networks
    found = ports.usable_networks(tx, ctx)
    if len(found) > 1:
        raise asking.ambiguous()
    if not found and asked.given.get("networks") == "auto":
        raise BadRequest(f"Unable to automatically allocate a network for project {ctx.project_id}")
    return [AskedNic(network_id=network.id) for network in found]


def _group(tx: Tx, ctx: Context, asked: Asked) -> ServerGroup | None:
    group_id = asked.placement.group_id
    if group_id is None:
        return None
    group = tx.get(ServerGroup, group_id)
    if group is None or (group.project_id != ctx.project_id and not ctx.is_admin):
        raise BadRequest(f"Instance group {group_id} could not be found.")
    return group


def _key(tx: Tx, ctx: Context, name: str | None) -> keypairs.Keypair | None:
    if name is None:
        return None
    key = keypairs.of_user(tx, ctx.user_id, name)
    if key is None:
        raise BadRequest("Invalid key_name provided.")
    return key


# -- quota --------------------------------------------------------------------------------------------


def charge(tx: Tx, ctx: Context, order: Order) -> int:
    """How many servers may be made: as many as fit, at least `min_count`. Raises Forbidden when fewer fit."""
    asked, project = order.asked, ctx.project_id or ""
    check_files(tx, ctx, asked.given.get("personality") or ())
    check_metadata_count(tx, ctx, len(asked.given.get("metadata") or {}))
    known = {**ctx.service.api.quotas, **of_classes(order.flavor)}
    for count in range(asked.most, asked.least, -1):
        try:
            quota.charge(tx, ctx, project, _costs(order, count), known)
            return _in_group(tx, ctx, order, count)
        except OverQuota:
            continue
    quota.charge(tx, ctx, project, _costs(order, asked.least), known)
    return _in_group(tx, ctx, order, asked.least)


def _costs(order: Order, count: int) -> dict[str, int]:
    flavor = order.flavor
    each = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram, "disk": _disk_gb(order)}
    named = asked_for(flavor.extra_specs).items()
    each |= {f"class:{name}": amount for name, amount in named if name not in USUAL}
    return {name: amount * count for name, amount in each.items() if amount}


def _disk_gb(order: Order) -> int:
    """What one server takes of its host's disk."""
    return disk_gb(embedded(order.flavor), root_is_local=order.layout.root_is_local)


def _in_group(tx: Tx, ctx: Context, order: Order, count: int) -> int:
    if order.group is None:
        return count
    limit = quota.limits(tx, "nova", ctx.service.api.quotas, ctx.project_id or "")["server_group_members"]
    members = tx.count(Server, Server.c.group_id == order.group.id, Server.c.deleted.is_(False))
    if 0 <= limit < members + count:
        raise Forbidden("Quota exceeded, too many servers in group")
    return count


def check_files(tx: Tx, ctx: Context, files: Sequence[Mapping[str, str]]) -> None:
    """Raise Forbidden or BadRequest unless the files may go into a config drive."""
    limits = quota.limits(tx, "nova", ctx.service.api.quotas, ctx.project_id or "") if files else {}
    if files and 0 <= limits["injected_files"] < len(files):
        raise Forbidden("Personality file limit exceeded")
    for file in files:
        if "path" not in file or "contents" not in file:
            raise BadRequest("Bad personality format: missing path or contents")
        if 0 <= limits["injected_file_path_bytes"] < len(file["path"]):
            raise Forbidden(f"Personality file path exceeds maximum {limits['injected_file_path_bytes']}")
        try:
            size = len(base64.b64decode(file["contents"]))
        except binascii.Error:
            raise BadRequest("Personality content could not be base64 decoded") from None
        if 0 <= limits["injected_file_content_bytes"] < size:
            raise Forbidden(
                f"Personality file content exceeds maximum {limits['injected_file_content_bytes']}"
            )


def check_metadata_count(tx: Tx, ctx: Context, count: int) -> None:
    """Raise Forbidden when a server would have more metadata items than the project's limit."""
    if count == 0:
        return
    limit = quota.limits(tx, "nova", ctx.service.api.quotas, ctx.project_id or "")["metadata_items"]
    if 0 <= limit < count:
        raise Forbidden(f"Maximum number of metadata items exceeds {limit}")


# -- one server ---------------------------------------------------------------------------------------


def make(tx: Tx, ctx: Context, order: Order, number: int, count: int) -> Server:
    """The server's row and all that belongs to it, and the start of its making."""
    asked = order.asked
    server = tx.insert(_row(ctx, order, number, count))
    if names := asked.given.get("tags"):
        tags.put(tx, server.id, names)
    block_devices.write(tx, ctx, server.id, asked.placement.zone or DEFAULT_ZONE, order.layout)
    plug_all(tx, ctx, server, order)
    history.begin(tx, ctx, server.id, "create")
    has_volumes = bool(order.layout.volumes)
    saga.start(tx, ctx, flows.create_server, server_id=server.id, with_volumes=has_volumes)
    events.emit(tx, ctx, "server.create", server)
    return server


def plug_all(tx: Tx, ctx: Context, server: Server, order: Order) -> None:
    """Every NIC that was asked for has its port."""
    zone = order.asked.placement.zone or DEFAULT_ZONE
    for nic in order.nics:
        wanted = NicRequest(
            network_id=nic.network_id,
            port_id=nic.port_id,
            fixed_ip=nic.fixed_ip,
            security_groups=order.asked.security_groups,
            tag=nic.tag,
        )
        try:
            tx.app.contract(Ports).plug(tx, ctx, server.id, zone, wanted)
        except NotFound as error:
            raise BadRequest(error.message) from error
        except OverQuota as error:
            raise Forbidden("Maximum number of ports exceeded") from error
        except Error as error:
            raise in_our_words(error, nic.port_id) from error


def in_our_words(error: Error, port_id: str | None) -> Error:
    """A refusal of Neutron's under the status that Nova gives it."""
    if error.status == 409 and "OverQuota" in error.kind:
        return Forbidden("Maximum number of ports exceeded")
    if error.status == 409 and port_id is not None:
        error.message = f"Port {port_id} is still in use."
    return error


def _row(ctx: Context, order: Order, number: int, count: int) -> Server:
    asked, flavor, given = order.asked, order.flavor, order.asked.given
    name = asked.name if count == 1 else f"{asked.name}-{number + 1}"
    id = ids.dashed()
    description = given.get("description") if ctx.at("2.19") else name
    return Server(
        id=id,
        name=name,
        description=description,
        project_id=ctx.project_id or "",
        user_id=ctx.user_id,
        hostname=given.get("hostname") or hostname_of(name, f"server-{id}"),
        image_id=order.layout.image.id if order.layout.image is not None else None,
        image_properties=dict(order.layout.properties),
        flavor_id=flavor.id,
        flavor_copy=embedded(flavor),
        vcpus=flavor.vcpus,
        memory_mb=flavor.ram,
        disk_gb=_disk_gb(order),
        metadata=given.get("metadata") or {},
        access_ipv4=given.get("accessIPv4", ""),
        access_ipv6=given.get("accessIPv6", ""),
        disk_config=given.get("OS-DCF:diskConfig", "MANUAL"),
        key_name=order.key.name if order.key else None,
        key_data=order.key.public_key if order.key else None,
        key_type=order.key.type if order.key else None,
        user_data=given.get("user_data"),
        config_drive=asking.flag(given, "config_drive"),
        reservation_id=order.reservation_id,
        launch_index=number,
        group_id=order.group.id if order.group else None,
        wanted_zone=asked.placement.zone,
        pinned_zone=asked.placement.zone,
        forced_host=asked.placement.forced_host or asked.placement.host,
        hints=dict(asked.placement.hints),
        files=given.get("personality") or [],
        trusted_certs=given.get("trusted_image_certificates") or [],
    )


ROUTES = (create_server,)
