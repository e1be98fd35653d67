# SPDX-License-Identifier: Apache-2.0
"""Which options a domain may have, what they are by default, and what is wrong with a configuration.

The lists are upstream's, and three options of [ldap] more that upstream takes from its file alone:
`connection_timeout`, `group_ad_nesting` and `randomize_urls`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from cumulet.kernel.errors import Forbidden, NotFound
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.settings import KeystoneSettings

SENSITIVE: Mapping[str, frozenset[str]] = {"identity": frozenset(), "ldap": frozenset({"password"})}
"""Options that are stored encrypted and never shown."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "identity": {"driver": "sql", "list_limit": None},
    "ldap": {
        spec.name: list(spec.default) if isinstance(spec.default, tuple) else spec.default
        for spec in fields(LdapSettings)
        if spec.name not in SENSITIVE["ldap"]
    },
}
_SECURITY_COMPLIANCE = ("password_regex", "password_regex_description")


def invalid(reason: str) -> Forbidden:
    return Forbidden(f"Invalid domain specific configuration: {reason}.")


def missing(domain_id: str, group: str = "", option: str = "") -> NotFound:
    """What was asked for is not in the configuration of the domain."""
    what = f"option {option} in group {group}" if option else f"group {group}" if group else "any options"
    return NotFound(f"Could not find {what} in domain configuration for domain {domain_id}.")


def check_known(group: str, option: str = "") -> None:
    """Raise Forbidden for what no domain can have."""
    if not group:
        return
    if group not in DEFAULTS:
        raise invalid(f"Group {group} is not supported for domain specific configurations")
    if option and option not in DEFAULTS[group] and option not in SENSITIVE[group]:
        raise invalid(f"Option {option} in group {group} is not supported for domain specific configurations")


def check_config(config: Any) -> None:
    """Raise Forbidden unless this is groups of options that a domain can have."""
    if not config:
        raise invalid("No options specified")
    for group in config:
        options = config[group] if isinstance(config, dict) else None
        if not options or not isinstance(options, dict):
            raise invalid(
                f"The value of group {group} specified in the config should be a dictionary of options"
            )
        for option in options:
            check_known(group, option)


def check_only(config: Mapping[str, Any], group: str, option: str) -> None:
    """Raise Forbidden unless a configuration speaks of this group, or this option of it, and of nothing else.

    Without a group it may speak of anything.
    """
    if not group:
        return
    if option and (len(config) != 1 or len(config.get(group, ())) > 1):
        raise invalid(
            f"Trying to update option {option} in group {group}, so that, and only that, option must be "
            "specified  in the config"
        )
    if len(config) != 1:
        raise invalid(
            f"Trying to update group {group}, so that, and only that, group must be specified in the config"
        )
    if group not in config:
        other = next(iter(config))
        raise invalid(f"request to update group {group}, but config provided contains group {other} instead")
    if option and option not in config[group]:
        raise invalid(
            f"Trying to update option {option} in group {group}, but config provided contains option "
            f"{next(iter(config[group]))} instead"
        )


def each(config: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Group, option and value of everything in a configuration."""
    return ((group, option, value) for group in config for option, value in config[group].items())


def default(group: str = "", option: str = "") -> dict[str, Any]:
    """The defaults of everything, of a group, or the value of one option by its name."""
    check_known(group, option)
    if option:
        if option not in DEFAULTS[group]:
            raise invalid(f"Reading the default for option {option} in group {group} is not supported")
        return {option: DEFAULTS[group][option]}
    return {name: dict(options) for name, options in DEFAULTS.items() if group in ("", name)}


def security_compliance(settings: KeystoneSettings, domain_id: str, option: str = "") -> dict[str, Any]:
    """What everybody may know of the rules for passwords, so that forms can explain them."""
    if domain_id != "default":
        raise invalid(
            "Reading security compliance information for any domain other than the default domain is not "
            "allowed or supported"
        )
    values = {name: getattr(settings, name) for name in _SECURITY_COMPLIANCE}
    if not option:
        return {"security_compliance": values}
    if option not in values:
        raise invalid(
            "Reading security compliance values other than password_regex and password_regex_description is "
            "not allowed"
        )
    return {option: values[option]}
