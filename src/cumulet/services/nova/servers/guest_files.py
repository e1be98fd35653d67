# SPDX-License-Identifier: Apache-2.0
"""What a server is told of itself, as OpenStack's and EC2's metadata and as the files of a config drive."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cumulet.contracts.neutron import Nic
from cumulet.services.nova.servers.model import BlockDevice, Server

DATES = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
)
"""Versions of OpenStack's metadata; `latest` is the last."""


def meta_data(server: Server, disks: Sequence[BlockDevice], nics: Sequence[Nic]) -> dict[str, Any]:
    """meta_data.json."""
    found: dict[str, Any] = {
        "uuid": server.id,
        "name": server.name,
        "hostname": server.hostname,
        "availability_zone": server.host_zone or server.wanted_zone or "nova",
        "launch_index": server.launch_index,
        "project_id": server.project_id,
        "random_seed": _seed(server),
        "devices": _devices(disks, nics),
        "dedicated_cpus": [],
    }
    if server.files:
        found["files"] = [
            {"path": file["path"], "content_path": f"/content/{number:04}"}
            for number, file in enumerate(server.files)
        ]
    if server.metadata:
        found["meta"] = server.metadata
    if server.key_name and server.key_data:
        found["public_keys"] = {server.key_name: server.key_data}
        found["keys"] = [{"name": server.key_name, "type": server.key_type or "ssh", "data": server.key_data}]
    return found


def _seed(server: Server) -> str:
    """Bytes that differ from server to server and stay with each, for the guest's pool of randomness."""
    import hashlib

    return base64.b64encode(hashlib.shake_256(f"seed {server.id}".encode()).digest(64)).decode()


def _devices(disks: Sequence[BlockDevice], nics: Sequence[Nic]) -> list[dict[str, Any]]:
    """The tagged devices, by which a guest tells which is which."""
    found: list[dict[str, Any]] = [
        {"type": "disk", "bus": "none", "address": "none", "serial": disk.volume_id, "tags": [disk.tag]}
        for disk in disks
        if disk.tag
    ]
    found += [
        {"type": "nic", "bus": "none", "address": "none", "mac": nic.mac_address, "tags": [nic.tag]}
        for nic in nics
        if nic.tag
    ]
    return found


def network_data(nics: Sequence[Nic]) -> dict[str, Any]:
    """network_data.json: links, the networks on them, name servers."""
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    services: list[dict[str, Any]] = []
    for nic in nics:
        link = f"tap{nic.port_id[:11]}"
        links.append(
            {
                "id": link,
                "vif_id": nic.port_id,
                "type": "bridge",
                "mtu": nic.mtu,
                "ethernet_mac_address": nic.mac_address,
            }
        )
        for fixed in nic.fixed_ips:
            networks.append(_network(len(networks), link, nic, fixed))
            services += [
                {"type": "dns", "address": address} for address in fixed.get("dns_nameservers") or ()
            ]
    unique = {service["address"]: service for service in services}
    return {"links": links, "networks": networks, "services": list(unique.values())}


def _network(number: int, link: str, nic: Nic, fixed: Mapping[str, Any]) -> dict[str, Any]:
    import ipaddress

    subnet = ipaddress.ip_network(fixed.get("cidr") or f"{fixed['ip_address']}/32")
    gateway = fixed.get("gateway_ip")
    routes = [_route("::" if subnet.version == 6 else "0.0.0.0", None, gateway)] if gateway else []
    for route in fixed.get("host_routes") or ():
        to = ipaddress.ip_network(route["destination"])
        routes.append(_route(str(to.network_address), str(to.netmask), route["nexthop"]))
    return {
        "id": f"network{number}",
        "type": f"ipv{subnet.version}",
        "link": link,
        "ip_address": fixed["ip_address"],
        "netmask": str(subnet.netmask),
        "routes": routes,
        "network_id": nic.network_id,
        "services": [{"type": "dns", "address": a} for a in fixed.get("dns_nameservers") or ()],
    }


def _route(network: str, netmask: str | None, gateway: str) -> dict[str, Any]:
    everywhere = "::" if network == "::" else "0.0.0.0"
    return {"network": network, "netmask": netmask or everywhere, "gateway": gateway}


def user_data(server: Server) -> bytes | None:
    return base64.b64decode(server.user_data) if server.user_data else None


def ec2_data(server: Server, nics: Sequence[Nic], disks: Sequence[BlockDevice]) -> dict[str, Any]:
    """EC2's metadata as a tree: texts, and mappings for what a slash follows."""
    fixed = [a for nic in nics for a in nic.fixed_ips if ":" not in a["ip_address"]]
    floating = [outer for nic in nics for outer, _ in nic.floating_ips]
    found: dict[str, Any] = {
        "ami-id": f"ami-{(server.image_id or '00000000')[:8]}",
        "ami-launch-index": str(server.launch_index),
        "ami-manifest-path": "",
        "block-device-mapping": _mapping(server, disks),
        "hostname": server.hostname,
        "instance-action": "none",
        "instance-id": f"i-{server.id[:8]}",
        "instance-type": server.flavor_copy["name"],
        "local-hostname": server.hostname,
        "local-ipv4": fixed[0]["ip_address"] if fixed else "",
        "placement": {"availability-zone": server.host_zone or "nova"},
        "public-hostname": server.hostname,
        "public-ipv4": floating[0] if floating else "",
        "reservation-id": server.reservation_id,
    }
    groups = dict.fromkeys(name for nic in nics for _, name in nic.security_groups)
    found["security-groups"] = "\n".join(groups)
    if server.key_name and server.key_data:
        found["public-keys"] = {"0": {"_name": f"0={server.key_name}", "openssh-key": server.key_data}}
    return found


def _mapping(server: Server, disks: Sequence[BlockDevice]) -> dict[str, str]:
    root = server.root_device_name or "/dev/vda"
    found = {"ami": root.removeprefix("/dev/"), "root": root}
    number = 0
    for disk in disks:
        if disk.boot_index != 0:
            found[f"ebs{number}"] = disk.device
            number += 1
    return found


def config_drive(server: Server, nics: Sequence[Nic], disks: Sequence[BlockDevice]) -> dict[str, str]:
    """The files of a config drive by their paths, each in base64."""
    encode = msgspec.json.encode
    files: dict[str, bytes] = {
        "meta_data.json": encode(meta_data(server, disks, nics)),
        "network_data.json": encode(network_data(nics)),
        "vendor_data.json": b"{}",
        "vendor_data2.json": b"{}",
    }
    data = user_data(server)
    if data is not None:
        files["user_data"] = data
    found: dict[str, bytes] = {}
    for version in (*DATES, "latest"):
        found |= {f"openstack/{version}/{name}": content for name, content in files.items()}
    for number, file in enumerate(server.files):
        found[f"openstack/content/{number:04}"] = base64.b64decode(file["contents"])
    ec2 = encode(_ec2_for_drive(ec2_data(server, nics, disks)))
    for version in ("2009-04-04", "latest"):
        found[f"ec2/{version}/meta-data.json"] = ec2
        if data is not None:
            found[f"ec2/{version}/user-data"] = data
    return {path: base64.b64encode(content).decode() for path, content in found.items()}


def _ec2_for_drive(tree: dict[str, Any]) -> dict[str, Any]:
    keys = tree.pop("public-keys", None)
    if keys:
        tree["public-keys"] = {"0": {"openssh-key": keys["0"]["openssh-key"]}}
    return tree
