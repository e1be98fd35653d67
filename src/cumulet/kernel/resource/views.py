# SPDX-License-Identifier: Apache-2.0
"""Rows as an API shows them: one plan for each resource, microversion and degree of detail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel.resource.fields import Field
from cumulet.lib.memo import memo
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.db.tx import Tx
    from cumulet.kernel.resource.declaration import Resource

OMIT: Any = object()
"""What a `view` returns, or a `load` gives, to leave the key out of this one item."""


@dataclass(frozen=True)
class _Plan:
    """The fields of a view, sorted by how their values are come by."""

    plain: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str], ...]
    made: tuple[Field, ...]
    """Computed, loaded, or shown only to whom a rule allows."""
    spread: tuple[Field, ...]
    """Loaded mappings whose keys stand beside the fields."""


@memo
def _plan(cls: "type[Resource]", version: int, brief: bool, verb: str) -> _Plan:
    shown = [f for f in cls.fields.values() if f.shown_in(version) and (f.brief or not brief)]
    shown = [f for f in shown if verb not in f.unanswered]
    stored = [f for f in shown if f.stored and not f.rule and f.view is None and f.load is None]
    return _Plan(
        plain=tuple((f.on_wire, f.name) for f in stored if f.type is not Timestamp),
        times=tuple((f.on_wire, f.name) for f in stored if f.type is Timestamp),
        made=tuple(f for f in shown if f not in stored and not f.spread),
        spread=tuple(f for f in shown if f.spread),
    )


def render(
    tx: "Tx",
    ctx: "Context",
    cls: "type[Resource]",
    rows: "Sequence[Any]",
    *,
    brief: bool = False,
    verb: str = "",
) -> list[dict[str, Any]]:
    """The rows as JSON objects, without their envelope; `verb` is the one that they answer, if any."""
    plan = _plan(cls, ctx.version, brief, verb)
    wire = ctx.service.api.wire
    makers = [(f.on_wire, _maker(tx, ctx, cls, f, rows)) for f in plan.made] if rows else []
    spreads = [_maker(tx, ctx, cls, f, rows) for f in plan.spread] if rows else []
    plain, times, time, links = plan.plain, plan.times, wire.time, wire.links
    bodies = []
    for row in rows:
        values = row.__dict__
        body = {name: values[field] for name, field in plain}
        for name, field in times:
            moment = values[field]
            body[name] = time(moment) if moment else None
        for name, make in makers:
            value = make(row)
            if value is not OMIT:
                body[name] = value
        for make in spreads:
            body = {**(make(row) or {}), **body}
        body.update(links(ctx, cls, row))
        bodies.append(body)
    return bodies


def _maker(
    tx: "Tx", ctx: "Context", cls: "type[Resource]", spec: Field, rows: "Sequence[Any]"
) -> Callable[[Any], Any]:
    """The function that makes this field of a row, for one page of rows."""
    make = _value(tx, ctx, cls, spec, rows)
    if not spec.rule:
        return make
    allowed: dict[Any, bool] = {}

    def guarded(row: Any) -> Any:
        whose = row.__dict__.get(cls.owner_field)
        if whose not in allowed:
            allowed[whose] = ctx.can(spec.rule, cls.target_for(tx, ctx, row))
        return make(row) if allowed[whose] else OMIT

    return guarded


def _value(
    tx: "Tx", ctx: "Context", cls: "type[Resource]", spec: Field, rows: "Sequence[Any]"
) -> Callable[[Any], Any]:
    if spec.load is not None:
        found = spec.load(tx, ctx, rows)
        primary, default = cls.primary, spec.default
        return lambda row: found.get(row.__dict__[primary], default)
    if spec.view is not None:
        view = spec.view
        return lambda row: view(ctx, row)
    name = spec.name
    if spec.type is Timestamp:
        time = ctx.service.api.wire.time
        return lambda row: time(row.__dict__[name]) if row.__dict__[name] else None
    return lambda row: row.__dict__[name]
