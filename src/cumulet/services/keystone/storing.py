# SPDX-License-Identifier: Apache-2.0
"""What writes have in common: taken names, immutable things, the domain that a request leaves unsaid."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Duplicate
from cumulet.services.keystone.entity import is_immutable
from cumulet.services.keystone.errors import conflict, immutable


@contextmanager
def unique(noun: str, details: str) -> Iterator[None]:
    """A write whose unique value may be taken; then it is a conflict, with these details."""
    try:
        yield
    except Duplicate:
        raise conflict(noun, details) from None


def duplicate(name: str, domain_id: str = "") -> str:
    """The details of a name that is taken."""
    where = f" at domain ID {domain_id}" if domain_id else ""
    return f"Duplicate entry found with name {name}{where}"


def check_update(row: Any, given: Mapping[str, Any]) -> None:
    """Raise Forbidden for an immutable thing, unless the update makes it mutable."""
    if not is_immutable(row):
        return
    options = given.get("options") or {}
    if "immutable" in options and not options["immutable"]:
        return
    raise immutable(row.noun, row.id, "update")


def check_delete(row: Any) -> None:
    """Raise Forbidden for an immutable thing."""
    if is_immutable(row):
        raise immutable(row.noun, row.id, "delete")


def callers_domain(ctx: Context) -> str:
    """The domain of what is made without naming one: that of the caller's token."""
    who = ctx.identity
    return who.domain_id or who.project_domain_id or "default"
