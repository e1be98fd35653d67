# SPDX-License-Identifier: Apache-2.0
"""The row that a request is about, if whoever asks may do this to it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db.tx import Tx
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.operation import id_param

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.resource.declaration import Resource


def fetch(tx: Tx, ctx: "Context", cls: "type[Resource]", request: Request, policy: str) -> Any:
    """The row that the path names, if the caller may do this to it.

    404 for what the caller may not know of; 403 for what they may know of and not touch, as the API family
    has it.
    """
    return fetch_by_key(tx, ctx, cls, request.params[id_param(cls)], policy, request.params)


def fetch_by_key(
    tx: Tx,
    ctx: "Context",
    cls: "type[Resource]",
    key: str,
    policy: str,
    params: Mapping[str, str] | None = None,
) -> Any:
    """`fetch` for a key that did not come in the path."""
    row = _find(tx, ctx, cls, key, params or {})
    wire = ctx.service.api.wire
    if row is None:
        if (wire.denies_missing or cls.denies_missing) and policy:
            ctx.require(policy, {})
        raise cls.not_found(ctx, key)
    target = cls.target_for(tx, ctx, row) if policy else {}
    if policy and not ctx.can(policy, target):
        if wire.hides and not cls.denies_missing and not _may_show(tx, ctx, cls, row):
            hidden = cls.not_found(ctx, key)
            hidden.refused_by = ctx.refusal(policy, target).refused_by
            raise hidden
        raise ctx.refusal(policy, target)
    return row


def _find(tx: Tx, ctx: "Context", cls: "type[Resource]", key: str, params: Mapping[str, str]) -> Any:
    """The row with this key, unless the caller may not know of it.

    The common case, a primary key and visibility that the row tells, takes the statement that is compiled
    once.
    """
    outer = from_path(cls, params)
    if cls.key == cls.primary and cls.told_by_row and not outer:
        row = tx.get(cls, key)
        return row if row is not None and cls.known_to(tx, ctx, row) else None
    visible = cls.visible(ctx)
    where = [cls.c[cls.key] == key, *outer]
    return tx.first(cls, *where, *(() if visible is None else (visible,)))


def _may_show(tx: Tx, ctx: "Context", cls: "type[Resource]", row: Any) -> bool:
    rule = ctx.service.api.show_rules.get(cls)
    return rule is None or ctx.can(rule, cls.target_for(tx, ctx, row))


def from_path(cls: "type[Resource]", params: Mapping[str, str]) -> list[Any]:
    """Conditions from placeholders before the key: /images/{image_id}/members/{member_id}."""
    own = id_param(cls)
    return [cls.c[name] == value for name, value in params.items() if name != own and name in cls.c]
