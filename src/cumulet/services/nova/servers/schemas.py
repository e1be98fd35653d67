# SPDX-License-Identifier: Apache-2.0
"""The letter of requests about servers, by microversion."""

from typing import Any

from cumulet.services.nova.servers.tags import MOST, TAG

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
UUID: Schema = {"type": "string", "format": "uuid"}
FLAG: Schema = {
    "enum": [
        *(True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "t", "y"),
        *(False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "f", "n", 0, 1),
    ]
}
METADATA: Schema = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
DISK_CONFIG: Schema = {"enum": ["AUTO", "MANUAL"]}
IPV4: Schema = {"type": "string", "format": "ipv4"}
IPV6: Schema = {"type": "string", "format": "ipv6"}
ADDRESS: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
COUNT: Schema = {"type": ["integer", "string"], "minimum": 1, "minLength": 1, "pattern": "^[1-9][0-9]*$"}
SIZE: Schema = {"type": ["integer", "string"], "minimum": 1, "maximum": 2**31 - 1, "pattern": "^[0-9]+$"}
DESCRIPTION: Schema = {"type": ["string", "null"], "maxLength": 255}
HOSTNAME: Schema = {
    "type": "string",
    "minLength": 2,
    "maxLength": 63,
    "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
}
FQDN: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]*$"}
USER_DATA: Schema = {"type": "string", "maxLength": 65535, "pattern": "^[A-Za-z0-9+/=\\s]*$"}
CERTIFICATES: Schema = {
    "type": ["array", "null"],
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
}
FILES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"path": TEXT, "contents": {"type": "string", "pattern": "^[A-Za-z0-9+/=\\s]*$"}},
        "additionalProperties": False,
    },
}
FLAVOR_REF: Schema = {"type": ["string", "integer"], "minLength": 1}


def obj(properties: Schema, *required: str, more: bool = False) -> Schema:
    """An object with these properties and, unless `more`, no others."""
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": more}
    return {**made, "required": list(required)} if required else made


def hostname_at(version: int) -> Schema:
    return FQDN if version >= 2094 else HOSTNAME


# -- create -------------------------------------------------------------------------------------------


def create(version: int) -> Schema:
    hints = _hints()
    server = obj(_server(version), *_required(version))
    bodies = {"server": server, "os:scheduler_hints": hints, "OS-SCH-HNT:scheduler_hints": hints}
    return obj(bodies, "server")


def _required(version: int) -> tuple[str, ...]:
    return ("name", "flavorRef", "networks") if version >= 2037 else ("name", "flavorRef")


def _server(version: int) -> Schema:
    found: Schema = {
        "name": NAME,
        "imageRef": {"oneOf": [UUID, {"type": "string", "maxLength": 0}]},
        "flavorRef": FLAVOR_REF,
        "adminPass": TEXT,
        "metadata": METADATA,
        "networks": networks(version),
        "OS-DCF:diskConfig": DISK_CONFIG,
        "accessIPv4": IPV4,
        "accessIPv6": IPV6,
        "availability_zone": NAME,
        "block_device_mapping": {"type": "array", "items": _legacy_device()},
        "block_device_mapping_v2": {"type": "array", "items": device(version)},
        "config_drive": FLAG,
        "key_name": NAME,
        "min_count": COUNT,
        "max_count": COUNT,
        "return_reservation_id": FLAG,
        "security_groups": {"type": "array", "items": obj({"name": NAME})},
        "user_data": USER_DATA,
    }
    later: tuple[tuple[int, Schema], ...] = (
        (2019, {"description": DESCRIPTION}),
        (2052, {"tags": {"type": "array", "items": TAG, "maxItems": MOST}}),
        (2063, {"trusted_image_certificates": CERTIFICATES}),
        (2074, {"host": FQDN, "hypervisor_hostname": FQDN}),
        (2090, {"hostname": hostname_at(version)}),
    )
    for since, more in later:
        if version >= since:
            found |= more
    if version < 2057:
        found["personality"] = FILES
    return found


def networks(version: int) -> Schema:
    network = {"type": "string"} if version < 2037 else UUID
    port = {"type": ["string", "null"], "format": "uuid"}
    item: Schema = {"fixed_ip": ADDRESS, "port": port, "uuid": network}
    if version == 2032 or 2033 <= version <= 2036 or version >= 2042:
        item["tag"] = TAG
    listed: Schema = {"type": "array", "items": obj(item)}
    return listed if version < 2037 else {"oneOf": [listed, {"type": "string", "enum": ["none", "auto"]}]}


def _legacy_device() -> Schema:
    return obj(
        {
            "virtual_name": {"type": "string", "maxLength": 255},
            "volume_id": UUID,
            "snapshot_id": UUID,
            "volume_size": SIZE,
            "device_name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": "^[a-zA-Z0-9._/-]*$",
            },
            "delete_on_termination": FLAG,
            "no_device": {},
            "connection_info": TEXT,
        }
    )


def device(version: int) -> Schema:
    short: Schema = {"type": "string", "maxLength": 255}
    found = dict(_legacy_device()["properties"])
    found |= {
        "image_id": UUID,
        "source_type": {"enum": ["volume", "image", "snapshot", "blank"]},
        "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
        "destination_type": {"enum": ["local", "volume"]},
        "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
        "guest_format": short,
        "device_type": short,
        "disk_bus": short,
    }
    if version == 2032 or version >= 2042:
        found["tag"] = TAG
    if version >= 2067:
        found["volume_type"] = {"type": ["string", "null"], "maxLength": 255}
    return obj(found)


def _hints() -> Schema:
    one_or_more: Schema = {"type": ["string", "array"], "items": UUID}
    return obj(
        {
            "group": {"oneOf": [UUID, {"type": "array", "items": UUID}]},
            "different_host": {"oneOf": [UUID, {"type": "array", "items": UUID}]},
            "same_host": one_or_more,
            "query": {"type": ["string", "object"]},
            "target_cell": NAME,
            "different_cell": {"type": ["string", "array"], "items": TEXT},
            "build_near_host_ip": ADDRESS,
            "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
        },
        more=True,
    )


# -- update, rebuild ----------------------------------------------------------------------------------


def update(version: int) -> Schema:
    found: Schema = {
        "name": NAME,
        "OS-DCF:diskConfig": DISK_CONFIG,
        "accessIPv4": {"oneOf": [IPV4, {"const": ""}]},
        "accessIPv6": {"oneOf": [IPV6, {"const": ""}]},
    }
    if version >= 2019:
        found["description"] = DESCRIPTION
    if version >= 2090:
        found["hostname"] = hostname_at(version)
    if version >= 2104:
        found["pinned_availability_zone"] = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
    return obj({"server": obj(found)}, "server")


def rebuild(version: int) -> Schema:
    found: Schema = {
        "name": NAME,
        "imageRef": UUID,
        "adminPass": TEXT,
        "metadata": METADATA,
        "preserve_ephemeral": FLAG,
        "OS-DCF:diskConfig": DISK_CONFIG,
        "accessIPv4": IPV4,
        "accessIPv6": IPV6,
    }
    later: tuple[tuple[int, Schema], ...] = (
        (2019, {"description": DESCRIPTION}),
        (2054, {"key_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 255}}),
        (2057, {"user_data": {**USER_DATA, "type": ["string", "null"]}}),
        (2063, {"trusted_image_certificates": CERTIFICATES}),
        (2090, {"hostname": hostname_at(version)}),
    )
    for since, more in later:
        if version >= since:
            found |= more
    if version < 2057:
        found["personality"] = FILES
    return obj(found, "imageRef")
