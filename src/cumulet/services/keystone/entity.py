# SPDX-License-Identifier: Apache-2.0
"""What all of Keystone's resources have in common, and the operations on them.

Keys of a body that no field knows are kept and shown again, as upstream does. A rule sees a row as
`target.<member>.<field>`.
Who has a token of a domain sees in lists what belongs to that domain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Invalid, NotFound
from cumulet.kernel.http.messages import Reply, Request, strict_flag
from cumulet.kernel.http.wire import WireProfile
from cumulet.kernel.resource import Resource, reading, schema, writing
from cumulet.kernel.resource.fields import Field
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.listing import Filter, Listing, find
from cumulet.kernel.resource.operation import Operation, envelope, id_param
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.errors import not_found
from cumulet.services.keystone.settings import KeystoneSettings

NAME_64 = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"[\S]+"}
NAME_255 = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[\S]+"}
ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"}
ID_OR_NULL = {**ID, "type": ["string", "null"]}
TEXT_OR_NULL = {"type": ["string", "null"]}
TAG = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
TAGS = {
    "type": "array",
    "items": TAG,
    "maxItems": 80,
    "uniqueItems": True,
}
OPTIONS = {
    "type": "object",
    "properties": {"immutable": {"type": ["boolean", "null"]}},
    "additionalProperties": False,
}


class Entity(Resource):
    """A resource of Keystone: everybody may ask for it, and policy alone decides.

    `related` are collections below one, to which its links point.
    """

    related: ClassVar[Sequence[str]] = ()

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        return None

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        return named(cls.member, row.__dict__)

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return named(cls.member, given)


def named(member: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as policy rules name them: `target.user.domain_id`; an empty domain is none."""
    return {
        f"target.{member}.{name}": None if value == "" and name == "domain_id" else value
        for name, value in values.items()
    }


def none_if_empty(name: str) -> Callable[[Context, Any], Any]:
    """A view of a column that keeps "" for none, so that a unique constraint holds for it too."""
    return lambda ctx, row: row.__dict__[name] or None


def need(tx: Tx, cls: type[Any], id: str) -> Any:
    """The row with this id; NotFound in upstream's sentence."""
    row = tx.get(cls, id)
    if row is None:
        raise not_found(cls.noun, id)
    return row


def is_immutable(row: Any) -> bool:
    return bool(row.options.get("immutable"))


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with changes laid over it; null takes a key away."""
    return {name: value for name, value in {**before, **changes}.items() if value is not None}


# -- bodies ---------------------------------------------------------------------------------------------


def parsed(cls: type[Resource], verb: str, body: Any, wire: WireProfile) -> dict[str, Any]:
    """What a body gives, by field name, and under `extra` what no field knows."""
    given = schema.parse(cls, verb, body, 0, wire)
    inside = body[cls.member] if cls.member else body
    if verb == "update" and not inside:
        raise Invalid(wire.invalid(cls.member, inside, "{} should be non-empty"))
    if "extra" in cls.columns:
        known = {spec.on_wire for spec in cls.fields.values()} | {"links", "id", "extra"}
        given["extra"] = {name: value for name, value in inside.items() if name not in known}
    return given


@dataclass(frozen=True, kw_only=True)
class Create(writing.Create):
    """A create that keeps unknown keys.

    `wire` is the profile by which the body is read, where that is not the API's.
    """

    wire: WireProfile | None = None

    def parse(self, cls: type[Resource], ctx: Context, body: Any) -> dict[str, Any]:
        return parsed(cls, "create", body, self.wire or ctx.service.api.wire)


@dataclass(frozen=True, kw_only=True)
class Update(writing.Update):
    """An update that keeps unknown keys; `run(tx, ctx, row, given)` returns the row as it is then.

    `wire` is the profile by which the body is read, where that is not the API's. With `tells_missing` what
    does not exist is a 404 for everybody, as upstream has it for some resources.
    """

    wire: WireProfile | None = None
    tells_missing: bool = False

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        if self.tells_missing:
            need(tx, cls, request.params[id_param(cls)])
        row = fetch(tx, ctx, cls, request, self.policy)
        given = parsed(cls, "update", request.body, self.wire or ctx.service.api.wire)
        if "extra" in given:
            given["extra"] = {**row.extra, **given["extra"]}
        if self.run is not None:
            row = self.run(tx, ctx, row, given)
        else:
            row = tx.update(row, **{n: v for n, v in given.items() if cls.columns[n].stored})
        events.emit(tx, ctx, f"{cls.noun.replace(' ', '_')}.update", row)
        return Reply(200, envelope(cls, render(tx, ctx, cls, [row])[0]))


@dataclass(frozen=True, kw_only=True)
class DeleteKnown(writing.Delete):
    """A delete that answers everybody 404 for what does not exist, as upstream has it for some resources."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        need(tx, cls, request.params[id_param(cls)])
        return super().answer(cls, tx, ctx, request)


# -- lists ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class List(reading.List):
    """GET of a collection with Keystone's filters.

    `domain_target` are the names under which rules see the domain of the caller's token;
    `only_domain(domain_id)` is the condition for what belongs to it.
    A list is whole unless the settings say how long it may be. One that is `bounded` comes in pages in any
    case, as upstream has it for those that grow with the cloud; unlike upstream it says so when nobody has
    asked for pages.
    """

    domain_target: Sequence[str] = ("target.domain_id",)
    only_domain: Callable[[str], Any] | None = None
    bounded: bool = False

    def permit(self, ctx: Context) -> None:
        """Raise NotPermitted unless the caller may list."""
        domain_id = ctx.identity.domain_id
        ctx.require(self.policy, dict.fromkeys(self.domain_target, domain_id) if domain_id else {})

    def list_limit(self, tx: Tx, ctx: Context, request: Request) -> int | None:
        """How many items a list has at most whose request asks for no number."""
        usual = ctx.service.api.wire.page_limit if self.bounded else None
        return ctx.app.contract(KeystoneSettings).list_limit or usual

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        domain_id = ctx.identity.domain_id
        self.permit(ctx)
        where = list(self.where(tx, ctx, request)) if self.where else []
        visible = cls.visible(ctx)
        if visible is not None:
            where.append(visible)
        if domain_id and self.only_domain is not None:
            where.append(self.only_domain(domain_id))
        listing = Listing(
            resource=cls,
            where=where,
            filters={**plain_filters(cls, request), **self.filters},
            page_default=self.list_limit(tx, ctx, request),
        )
        try:
            found = find(tx, ctx, listing, request)
        except BadRequest as error:
            if error.kind != "InvalidInput":
                raise
            raise NotFound(f"Marker {request.query.get('marker')} could not be found.") from None
        bodies = render(tx, ctx, cls, found.rows)
        return Reply(200, {cls.plural: bodies, **ctx.service.api.wire.page_links(ctx, cls, found.page)})


def plain_filters(cls: type[Resource], request: Request) -> dict[str, Filter]:
    """A filter for each query key that compares a field: `name`, `name__contains`, `name__istartswith`..."""
    found: dict[str, Filter] = {}
    for key in request.query.names():
        name, _, comparator = key.partition("__")
        spec = cls.fields.get(name)
        if spec is None or not spec.filter:
            continue
        if not comparator:
            found[key] = _equals(cls, spec)
        elif comparator in _INEXACT and spec.type is str:
            found[key] = _like(cls.c[spec.name], *_INEXACT[comparator])
    return found


_INEXACT = {
    f"{i}{word}": (shape, bool(i))
    for word, shape in (("contains", "%{}%"), ("startswith", "{}%"), ("endswith", "%{}"), ("equals", "{}"))
    for i in ("", "i")
}


def _equals(cls: type[Resource], spec: Field) -> Filter:
    column = cls.c[spec.name]

    def condition(ctx: Context, values: list[str]) -> Any:
        value = values[-1]
        if spec.type is bool:
            return column == (value == "" or strict_flag(value, spec.on_wire))
        return column == value

    return condition


def _like(column: Any, shape: str, ignore_case: bool) -> Filter:
    """LIKE is blind to case on SQLite, so the plain form asks for the bytes as well."""

    def condition(ctx: Context, values: list[str]) -> Any:
        value = values[-1]
        if ignore_case:
            pattern = shape.format(_escaped(value.lower()))
            return sa.func.lower(column).like(pattern, escape="\\")
        return _exact_like(column, shape, value)

    return condition


def _exact_like(column: Any, shape: str, value: str) -> Any:
    if shape == "{}":
        return column == value
    if shape == "{}%":
        return sa.func.substr(column, 1, len(value)) == value
    if shape == "%{}":
        at = sa.func.length(column) - len(value) + 1
        return sa.and_(at >= 1, sa.func.substr(column, at) == value)
    return sa.func.replace(column, value, "") != column if value else sa.true()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


__all__ = ["Create", "Entity", "List", "Operation", "Update"]
