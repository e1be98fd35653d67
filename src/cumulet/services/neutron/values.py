# SPDX-License-Identifier: Apache-2.0
"""Values as users send them: each function gives what is kept, or refuses in upstream's words.

A ValueError becomes `Invalid input for <attribute>. Reason: ...`; upstream's converters, unlike its
validators, refuse with InvalidInput, and so do they here.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any

from cumulet.kernel.ids import is_uuid
from cumulet.services.neutron.errors import InvalidInput

Convert = Callable[[Any], Any]

_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}|[0-9a-fA-F]{12}", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_TRUE, _FALSE = ("true", "1", "t", "on", "y", "yes"), ("false", "0", "f", "off", "n", "no")


def text(longest: int) -> Convert:
    """Any text up to this many characters."""

    def convert(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{value}' is not a valid string")
        if len(value) > longest:
            raise ValueError(f"'{value}' exceeds maximum length of {longest}")
        if "\x00" in value:
            raise ValueError(f"'{value}' is not a valid string")
        return value

    return convert


def filled_text(longest: int) -> Convert:
    """The same of text that is not blank."""

    def convert(value: Any) -> str:
        kept = str(text(longest)(value))
        if not kept.strip():
            raise ValueError(f"'{value}' Blank strings are not permitted")
        return kept

    return convert


def flag(value: Any) -> bool:
    """A boolean in any of the usual spellings."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise InvalidInput(f"'{value}' cannot be converted to boolean")


def integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"'{value}' is not an integer") from None


def whole(value: Any) -> int:
    """An integer that is not negative and that the database can keep."""
    number = integer(value)
    if number < 0:
        raise ValueError(f"'{value}' should be non-negative")
    if number > 2**31 - 1:
        raise ValueError(f"'{value}' is too large - must be no larger than '{2**31 - 1}'")
    return number


def one_of(*allowed: Any) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, str | int | None) or value not in allowed:
            raise ValueError(f"{value} is not in {list(allowed)}")
        return value

    return convert


def ip_version(value: Any) -> int:
    return int(one_of(4, 6)(integer(value)))


def uuid(value: Any) -> str:
    if not isinstance(value, str) or not is_uuid(value):
        raise ValueError(f"'{value}' is not a valid UUID")
    return value


def or_none(convert: Convert) -> Convert:
    """The same value, or null."""
    return lambda value: None if value is None else convert(value)


def or_empty(convert: Convert) -> Convert:
    """The same list, where null is an empty one."""
    return lambda value: [] if value is None else convert(value)


def address(value: Any) -> str:
    """An IP address in its canonical spelling."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError(value)
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP address") from None


def cidr(value: Any) -> str:
    """A network with its prefix, and its host bits cut off."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError(value)
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


def prefixes(value: Any) -> list[str]:
    """Networks, each of them once."""
    found = [cidr(item) for item in listing(value)]
    if len(set(found)) < len(found):
        raise ValueError(f"Duplicate items in the list: '{', '.join(found)}'")
    return found


def route_cidr(value: Any) -> str:
    """A network as the destination of a route: no host bits."""
    try:
        if not isinstance(value, str) or "/" not in value:
            raise ValueError(value)
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid CIDR") from None


def mac(value: Any) -> str:
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise ValueError(f"'{value}' is not a valid MAC address")
    digits = value.replace(":", "").replace("-", "").lower()
    if digits == "0" * 12:
        raise ValueError(f"'{value}' is not a valid MAC address")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def listing(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"'{value}' is not a list")
    return value


def uuids(value: Any) -> list[str]:
    found = [uuid(item) for item in listing(value)]
    if len(set(found)) < len(found):
        raise ValueError(f"Duplicate items in the list: '{', '.join(found)}'")
    return found


def texts(longest: int) -> Convert:
    def convert(value: Any) -> list[str]:
        return list(dict.fromkeys(text(longest)(item) for item in listing(value)))

    return convert


def pools(value: Any) -> list[dict[str, str]]:
    """Allocation pools: a list of {"start", "end"}."""
    found = []
    for pool in listing(value):
        if not isinstance(pool, dict) or set(pool) != {"start", "end"}:
            raise ValueError(f"Invalid data format for IP pool: '{pool}'")
        found.append({"start": address(pool["start"]), "end": address(pool["end"])})
    return found


def nameservers(value: Any) -> list[str]:
    found: list[str] = []
    for host in listing(value):
        try:
            server = address(host)
        except ValueError as error:
            raise ValueError(f"'{host}' is not a valid nameserver. {error}") from None
        if server in found:
            raise ValueError(f"Duplicate nameserver '{host}'")
        found.append(server)
    return found


def routes(value: Any) -> list[dict[str, str]]:
    """Host routes: a list of {"destination", "nexthop"}."""
    found: list[dict[str, str]] = []
    for route in listing(value):
        if not isinstance(route, dict) or set(route) != {"destination", "nexthop"}:
            raise ValueError(f"Invalid data format for hostroute: '{route}'")
        entry = {"destination": route_cidr(route["destination"]), "nexthop": address(route["nexthop"])}
        if entry in found:
            raise ValueError(f"Duplicate hostroute '{route}'")
        found.append(entry)
    return found


def fixed_ips(value: Any) -> list[dict[str, str]]:
    """What a port asks of its addresses: a list of {"subnet_id", "ip_address"}, each optional."""
    found: list[dict[str, str]] = []
    seen: set[str] = set()
    for item in listing(value):
        if not isinstance(item, dict) or not set(item) <= {"subnet_id", "ip_address", "delete_subnet"}:
            raise ValueError(f"Invalid data format for fixed IP: '{item}'")
        asked = {}
        if "ip_address" in item:
            asked["ip_address"] = address(item["ip_address"])
            if asked["ip_address"] in seen:
                raise ValueError(f"Duplicate IP address '{item['ip_address']}'")
            seen.add(asked["ip_address"])
        if "subnet_id" in item:
            asked["subnet_id"] = uuid(item["subnet_id"])
        found.append(asked)
    return found


def address_pairs(value: Any) -> list[dict[str, str]]:
    """Addresses that a port may send from besides its own; a pair without a MAC means the port's."""
    from cumulet.kernel.errors import BadRequest

    if not isinstance(value, list):
        raise ValueError("Allowed address pairs must be a list.")
    if len(value) > 10:
        raise BadRequest(
            "The number of allowed address pair exceeds the maximum 10.", kind="AllowedAddressPairExhausted"
        )
    found: list[dict[str, str]] = []
    for item in value:
        if not isinstance(item, dict) or (extra := set(item) - {"ip_address", "mac_address"}):
            named = ", ".join(sorted(extra)) if isinstance(item, dict) else item
            raise ValueError(f"Unrecognized attribute(s) '{named}'")
        if "ip_address" not in item:
            raise BadRequest(
                "AllowedAddressPair must contain ip_address", kind="AllowedAddressPairsMissingIP"
            )
        pair = {"ip_address": address_or_cidr(item["ip_address"])}
        if item.get("mac_address") is not None:
            pair["mac_address"] = mac(item["mac_address"])
        if pair in found:
            raise BadRequest(
                "Request contains duplicate address pair: "
                f"mac_address {item.get('mac_address')} ip_address {item['ip_address']}.",
                kind="DuplicateAddressPairInRequest",
            )
        found.append(pair)
    return found


def address_or_cidr(value: Any) -> str:
    try:
        found = cidr(value)
    except ValueError:
        raise ValueError(f"'{value}' is neither a valid IP address, nor is it a valid IP subnet") from None
    return found if "/" in value else str(ipaddress.ip_address(value))


def dhcp_options(value: Any) -> list[dict[str, Any]]:
    """Extra DHCP options: a list of {"opt_name", "opt_value", "ip_version"}; a null value removes one."""
    found: list[dict[str, Any]] = []
    for item in listing(value):
        if not isinstance(item, dict) or not {"opt_name", "opt_value"} <= set(item) <= _OPTION_KEYS:
            raise ValueError(f"No valid key specs matched for: {item}")
        name, setting = item["opt_name"], item["opt_value"]
        if not _one_line(name, 64) or not (setting is None or _one_line(setting, 255)):
            raise ValueError(f"No valid key specs matched for: {item}")
        found.append(
            {"opt_name": name, "opt_value": setting, "ip_version": ip_version(item.get("ip_version", 4))}
        )
    return found


_OPTION_KEYS = {"opt_name", "opt_value", "ip_version"}


def _one_line(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= longest and "\n" not in value


def host_name(value: Any) -> str:
    """A name of one or more DNS labels, in lower case; nothing is fine too."""
    return _domain(value, fqdn=False)


def domain_name(value: Any) -> str:
    """A domain with its final dot, in lower case; nothing is fine too."""
    return _domain(value, fqdn=True)


def _domain(value: Any, *, fqdn: bool) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"Input value {value} must be string type")
    if not value:
        return ""
    if fqdn and not value.endswith("."):
        raise ValueError(f"'{value}' is not a FQDN")
    labels = value.rstrip(".").split(".")
    if len(value) > 255 or not all(_LABEL.fullmatch(label) for label in labels):
        reason = _dns_reason(value, labels)
        raise ValueError(f"'{value}' not a valid PQDN or FQDN. Reason: {reason}")
    return value.lower()


def _dns_reason(value: str, labels: Sequence[str]) -> str:
    if len(value) > 255:
        return f"'{value}' exceeds the 255 character FQDN limit"
    wrong = next(label for label in labels if not _LABEL.fullmatch(label))
    if not wrong:
        return "Encountered an empty component"
    if wrong.startswith("-") or wrong.endswith("-"):
        return f"Name '{wrong}' must not start or end with a hyphen"
    return f"Name '{wrong}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen"


def mapping(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    return value
