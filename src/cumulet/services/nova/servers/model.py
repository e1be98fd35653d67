# SPDX-License-Identifier: Apache-2.0
"""What a server is, and what belongs to it."""

from ipaddress import ip_address
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.resource import Resource, computed, field, ident, loaded, owner
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.servers import states, views

ATTRIBUTES = "os_compute_api:os-extended-server-attributes"


class Server(
    Resource,
    service="nova",
    path="/servers",
    member="server",
    indexes=(("deleted", "created_at"), ("project_id", "deleted")),
):
    """A virtual machine.

    A deleted server keeps its row, so that lists can tell of it; whatever else it had is gone. `power`,
    `reboots`, `hard_reboots` and `rebuilds` are what its guest's document says; `tried_hosts` are those on
    which it was put and failed.
    """

    missing = "Instance {id} could not be found."

    id: str = ident()
    name: str = field(brief=True)
    status: str = computed(views.status)
    tenant_id: str = computed(lambda ctx, row: row.project_id)
    user_id: str = field()
    metadata: dict[str, str] = field(default_factory=dict)
    hostId: str = computed(views.host_id)
    image: Any = computed(views.image, shape=views.IMAGE)
    flavor: Any = computed(views.flavor, shape=views.FLAVOR)
    created: str = computed(lambda ctx, row: f"{row.created_at[:19]}Z")
    updated: str = computed(lambda ctx, row: f"{row.updated_at[:19]}Z")
    addresses: Any = loaded(views.addresses, default={}, shape=views.ADDRESSES)
    access_ipv4: str = field(default="", wire="accessIPv4")
    access_ipv6: str = field(default="", wire="accessIPv6", view=lambda ctx, row: _short(row.access_ipv6))
    disk_config: str = field(default="MANUAL", wire="OS-DCF:diskConfig", shape=views.DISK_CONFIG)
    progress: Any = computed(views.progress, shape=int)
    fault: Any = computed(views.fault, shape=views.FAULT)
    zone: str = computed(
        lambda ctx, row: row.host_zone or row.wanted_zone or "", wire="OS-EXT-AZ:availability_zone"
    )
    drive: str = computed(lambda ctx, row: "True" if row.config_drive else "", wire="config_drive")
    key_name: str | None = field(default=None)
    launched_at: Timestamp | None = field(default=None, wire="OS-SRV-USG:launched_at", view=views.launched)
    terminated_at: Timestamp | None = field(
        default=None, wire="OS-SRV-USG:terminated_at", view=views.terminated
    )
    security_groups: Any = loaded(views.security_groups, default=views.OMIT, shape=views.GROUPS)
    vm_state: str = field(default="building", wire="OS-EXT-STS:vm_state")
    task_state: str | None = field(default="scheduling", wire="OS-EXT-STS:task_state")
    power_state: int = field(default=states.NO_STATE, wire="OS-EXT-STS:power_state")
    volumes_attached: Any = loaded(
        views.volumes, default=[], wire="os-extended-volumes:volumes_attached", shape=views.DISKS
    )
    host: str | None = field(default=None, wire="OS-EXT-SRV-ATTR:host", rule=ATTRIBUTES)
    node: str | None = computed(
        lambda ctx, row: row.host, wire="OS-EXT-SRV-ATTR:hypervisor_hostname", rule=ATTRIBUTES
    )
    instance_name: str = computed(
        lambda ctx, row: guest_name(row.id), wire="OS-EXT-SRV-ATTR:instance_name", rule=ATTRIBUTES
    )
    reservation_id: str = field(
        default="", wire="OS-EXT-SRV-ATTR:reservation_id", since="2.3", rule=ATTRIBUTES
    )
    launch_index: int = field(default=0, wire="OS-EXT-SRV-ATTR:launch_index", since="2.3", rule=ATTRIBUTES)
    early_hostname: str = computed(
        lambda ctx, row: row.hostname,
        wire="OS-EXT-SRV-ATTR:hostname",
        since="2.3",
        until="2.89",
        rule=ATTRIBUTES,
    )
    hostname: str = field(default="", wire="OS-EXT-SRV-ATTR:hostname", since="2.90")
    kernel_id: str = computed(
        lambda ctx, row: row.image_properties.get("kernel_id", ""),
        wire="OS-EXT-SRV-ATTR:kernel_id",
        since="2.3",
        rule=ATTRIBUTES,
    )
    ramdisk_id: str = computed(
        lambda ctx, row: row.image_properties.get("ramdisk_id", ""),
        wire="OS-EXT-SRV-ATTR:ramdisk_id",
        since="2.3",
        rule=ATTRIBUTES,
    )
    root_device_name: str | None = field(
        default="/dev/vda", wire="OS-EXT-SRV-ATTR:root_device_name", since="2.3", rule=ATTRIBUTES
    )
    user_data: str | None = field(
        default=None, wire="OS-EXT-SRV-ATTR:user_data", since="2.3", rule=ATTRIBUTES
    )
    locked: bool = computed(lambda ctx, row: row.locked_by is not None, since="2.9")
    host_status: str = loaded(
        views.host_status, default="", since="2.16", rule="os_compute_api:servers:show:host_status"
    )
    description: str | None = field(default=None, since="2.19")
    tags: list[str] = loaded(views.tags, default=[], since="2.26")
    trusted_image_certificates: list[str] | None = computed(
        lambda ctx, row: row.trusted_certs or None, since="2.63"
    )
    server_groups: list[str] = computed(lambda ctx, row: [row.group_id] if row.group_id else [], since="2.71")
    locked_reason: str | None = field(default=None, since="2.73")
    pinned_zone: str | None = field(default=None, wire="pinned_availability_zone", since="2.96")
    hints: dict[str, Any] = field(default_factory=dict, wire="scheduler_hints", since="2.100")

    project_id: str = owner(hidden=True)
    image_id: str | None = field(default=None, hidden=True)
    image_properties: dict[str, str] = field(default_factory=dict, hidden=True)
    flavor_id: str = field(hidden=True, index=True)
    flavor_copy: dict[str, Any] = field(default_factory=dict, hidden=True)
    vcpus: int = field(hidden=True)
    memory_mb: int = field(hidden=True)
    disk_gb: int = field(default=0, hidden=True)
    """What its root disk on the host takes; 0 when it boots from a volume."""
    config_drive: bool = field(default=False, hidden=True)
    key_data: str | None = field(default=None, hidden=True)
    key_type: str | None = field(default=None, hidden=True)
    locked_by: str | None = field(default=None, hidden=True)
    trusted_certs: list[str] = field(default_factory=list, hidden=True)
    group_id: str | None = field(default=None, hidden=True, index=True)
    wanted_zone: str | None = field(default=None, hidden=True)
    host_zone: str | None = field(default=None, hidden=True)
    forced_host: str | None = field(default=None, hidden=True)
    tried_hosts: list[str] = field(default_factory=list, hidden=True)
    problem: dict[str, Any] = field(default_factory=dict, hidden=True)
    """The fault, when something went wrong: code, created, message, details."""
    power: str = field(default="running", hidden=True)
    reboots: int = field(default=0, hidden=True)
    hard_reboots: int = field(default=0, hidden=True)
    rebuilds: int = field(default=0, hidden=True)
    rescue: dict[str, Any] = field(default_factory=dict, hidden=True)
    """The last rescue, as a guest's document describes it."""
    rescued: bool = field(default=False, hidden=True)
    """Whether the guest is to boot from it."""
    root_image_id: str | None = field(default=None, hidden=True)
    """The image that the root disk on the host was made of where it is another than the server's own."""
    disk_host: str | None = field(default=None, hidden=True)
    """The host that still has its disk, where it is on another and may go back."""
    shelved_image_id: str | None = field(default=None, hidden=True)
    """The image as which a shelved server is kept."""
    shelved_at: Timestamp | None = field(default=None, hidden=True)
    files: list[dict[str, str]] = field(default_factory=list, hidden=True)
    """Files that a request before 2.57 put into the config drive: path and base64 contents of each."""
    vendor_password: str = field(default="", hidden=True)
    """What the guest posted as its password, encrypted with the key's public part."""
    deleted: bool = field(default=False, hidden=True)
    deleted_at: Timestamp | None = field(default=None, hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), hidden=True)
    updated_at: Timestamp = field(default=Timestamp(""), hidden=True, index=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Those of the caller's project that are not deleted; an administrator's are all."""
        alive = cls.c.deleted.is_(False)
        return alive if ctx.is_admin else sa.and_(alive, cls.c.project_id == ctx.project_id)

    @property
    def has_volume_root(self) -> bool:
        return self.image_id is None


class BlockDevice(Row, table="nova_block_devices"):
    """A volume of a server, from the wish for one to its attachment.

    `volume_id` is empty until a volume that is made for the server was accepted, `attachment_id` until it
    was reserved.
    """

    id: str = column(primary=True, default_factory=ids.dashed)
    server_id: str = column(references="nova_servers.id", on_delete="CASCADE", index=True)
    volume_id: str = column(index=True)
    attachment_id: str | None = column(default=None)
    source: str = column(default="volume")
    boot_index: int | None = column(default=None)
    device: str
    tag: str | None = column(default=None)
    delete_on_termination: bool = column(default=False)
    made_here: bool = column(default=False)
    """Whether the volume was made for this server, and may still be on its way."""
    plugged: bool = column(default=False)
    """Whether the guest's document holds it."""
    volume_host: str | None = column(default=None)
    """The host that serves it."""
    created_at: Timestamp = column(default=Timestamp(""))


class ServerTag(Row, table="nova_server_tags", unique=(("server_id", "tag"),)):
    """A word that a user has put on a server."""

    id: str = column(primary=True, default_factory=ids.dashed)
    server_id: str = column(references="nova_servers.id", on_delete="CASCADE", index=True)
    tag: str = column(index=True)


class InstanceAction(Row, table="nova_instance_actions", indexes=(("server_id", "created_at"),)):
    """Something that was asked of a server, and how it ended."""

    id: str = column(primary=True, default_factory=ids.dashed)
    server_id: str
    action: str
    request_id: str
    user_id: str | None = column(default=None)
    project_id: str | None = column(default=None)
    message: str | None = column(default=None)
    events: list[dict[str, Any]] = json_column(default_factory=list)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


def _short(address: str) -> str:
    """An IPv6 address in its shortest form."""
    return ip_address(address).compressed if address else ""


def guest_name(server_id: str) -> str:
    """What the host calls the guest."""
    return f"instance-{server_id[:8]}"
