# SPDX-License-Identifier: Apache-2.0
"""The namespace that a request is about, and what the caller may do with it and with what is in it."""

from collections.abc import Mapping
from typing import Any, TypeVar

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import Conflict, Duplicate, Forbidden, NotFound
from cumulet.kernel.http.messages import Request
from cumulet.lib import timestamps
from cumulet.services.glance.metadefs.model import Namespace

SHOW = "get_metadef_namespace"
R = TypeVar("R", bound=Row)


def namespace_of(tx: Tx, ctx: Context, request: Request, *rules: str) -> Namespace:
    """The namespace that the path names, if the caller may know of it and do all of this."""
    name = request.params["namespace"]
    namespace = named(tx, ctx, name)
    if namespace is None:
        raise NotFound(f"Namespace {name} not found")
    for rule in rules:
        require(ctx, rule, namespace)
    return namespace


def named(tx: Tx, ctx: Context, name: str) -> Namespace | None:
    """The namespace of this name, unless the caller may not know of it."""
    namespace = tx.first_by(Namespace, namespace=name)
    return namespace if namespace is not None and Namespace.known_to(tx, ctx, namespace) else None


def require(ctx: Context, rule: str, namespace: Namespace | None = None) -> None:
    """Raise NotPermitted unless policy allows it, and NotFound to who may not even see the namespace."""
    target = target_of(ctx, namespace)
    if ctx.can(rule, target):
        return
    refusal = ctx.refusal(rule, target)
    if rule == SHOW or not ctx.can(SHOW, target):
        hidden = NotFound("The resource could not be found.")
        hidden.refused_by = refusal.refused_by
        raise hidden
    raise refusal


def target_of(ctx: Context, namespace: Namespace | None) -> Mapping[str, Any]:
    """A namespace as rules see it, or the caller's project where there is none yet."""
    if namespace is None:
        return {"project_id": ctx.project_id}
    return {"project_id": namespace.project_id, "visibility": namespace.visibility}


def item_of(tx: Tx, cls: type[R], namespace: Namespace, name: str) -> R:
    """What the namespace has of a kind by this name."""
    row = tx.first_by(cls, namespace_id=namespace.id, name=name)
    if row is None:
        raise NotFound(
            f"The metadata definition {_noun(cls)} with name={name} was not found in "
            f"namespace={namespace.namespace}."
        )
    return row


def add(tx: Tx, namespace: Namespace, row: R) -> R:
    """Put it into the namespace. Raises Conflict when that has one of its name."""
    try:
        return tx.insert(row)
    except Duplicate:
        raise _taken(row, namespace) from None


def change(tx: Tx, namespace: Namespace, row: R, **changes: Any) -> R:
    """The row as it is now. Raises Conflict when its new name is taken."""
    try:
        return tx.update(row, **changes)
    except Duplicate:
        raise _taken(row.but(**changes), namespace) from None


def _taken(row: Row, namespace: Namespace) -> Conflict:
    name, noun = row.__dict__["name"], _noun(type(row))
    return Conflict(
        f"A metadata definition {noun} with name={name} already exists in namespace={namespace.namespace}."
    )


def require_unprotected(namespace: Namespace, noun: str, name: str) -> None:
    """Raise Forbidden while the namespace is protected, with all that is in it."""
    if namespace.protected:
        raise Forbidden(f"Metadata definition {noun} {name} is protected and cannot be deleted.")


def _noun(cls: type[Row]) -> str:
    return cls.__name__.removeprefix("Metadef").lower()


def moments(row: Row) -> dict[str, str]:
    """When a row was made and last changed."""
    return {name: timestamps.zulu(row.__dict__[name]) for name in ("created_at", "updated_at")}


def without_nothing(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is not said is left out."""
    return {name: value for name, value in body.items() if value is not None}
