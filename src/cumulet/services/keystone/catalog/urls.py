# SPDX-License-Identifier: Apache-2.0
"""Addresses of endpoints: `$(project_id)s` and its older forms stand for what a token says."""

import re
from collections.abc import Mapping

_PLACE = re.compile(r"[$%]\((\w+)\)s")


def filled(url: str, values: Mapping[str, str | None]) -> str | None:
    """The address with its places filled; None when one of them has no value, or is not known at all."""
    if "(" not in url:
        return url
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        found = values.get(match[1])
        missing = missing or found is None
        return found or ""

    text = _PLACE.sub(value, url)
    return None if missing else text


def is_well_formed(url: str) -> bool:
    """Whether every place in the address is one that can be filled."""
    known = dict.fromkeys(("project_id", "tenant_id", "user_id"), "x")
    text = filled(url, known)
    return text is not None and "$(" not in text and "%(" not in text


def substitutions(user_id: str, project_id: str | None) -> dict[str, str | None]:
    return {"project_id": project_id, "tenant_id": project_id, "user_id": user_id}
