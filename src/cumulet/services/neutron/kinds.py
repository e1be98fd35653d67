# SPDX-License-Identifier: Apache-2.0
"""The policy terms that only Neutron's rules know."""

import re
from collections.abc import Mapping

from cumulet.kernel.auth.policy_checks import Check, Creds, Kind, Target, render
from cumulet.kernel.auth.policy_language import PolicyError

_TRUTH = {"true": True, "false": False}


def field(match: str) -> Check:
    """`field:<resource>:<field>=<value>`, or `=~<pattern>` from the start of the value; false without it."""
    found = re.fullmatch(r"(?P<resource>\w+):(?P<field>[^=]+)=(?P<value>.*)", match)
    if not found:
        raise PolicyError(f"'field:{match}' should read field:<resource>:<field>=<value>")
    name, value = found["field"], found["value"]
    if value.startswith("~"):
        try:
            pattern = re.compile(value[1:])
        except re.error as error:
            raise PolicyError(f"'field:{match}' has a pattern that is none: {error}") from None
        return lambda creds, target: bool(pattern.match(str(target.get(name) or "")))
    wanted = _TRUTH.get(value.lower(), value)

    def equals(creds: Creds, target: Target) -> bool:
        try:
            return bool(target[name] == wanted)
        except KeyError:
            return False

    return equals


def tenant_id(match: str) -> Check:
    """The old name of `project_id:`, which operators' policies may still use."""

    owner = render(match)

    def same_project(creds: Creds, target: Target) -> bool:
        try:
            return str(creds.get("project_id")) == owner(target)
        except KeyError:
            return False

    return same_project


KINDS: Mapping[str, Kind] = {"field": field, "tenant_id": tenant_id}
