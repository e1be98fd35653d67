# SPDX-License-Identifier: Apache-2.0
"""Create, update and delete.

What differs from the ordinary is a plain function:

- `Create(run=f)`: `f(tx, ctx, given)` inserts and returns the row, by default one of what was given.
- `Update(run=f)`: `f(tx, ctx, row, given)` returns the row as it is then.
- `Delete(run=f)`: `f(tx, ctx, row)`.

A create whose `run` is a coroutine calls it without a transaction, as `run(ctx, given)`. Where a create has
more to say than its row shows (a generated key), it returns `Made(row, {...})`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cumulet.kernel import events, quota
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema, shapes
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.operation import Operation, Status, envelope, item_path
from cumulet.kernel.resource.views import render

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource


Amount = int | str | Callable[[Mapping[str, Any]], int]


@dataclass(frozen=True)
class Made:
    """A new row, and what the answer says beside its view, once and never again."""

    row: Any
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Create(Operation):
    """POST to a collection. `quota` says what one costs: {"volumes": 1, "gigabytes": "size"} (a field's
    name or a function).

    With `bulk` a body that holds a list under the plural makes several, all or none. `body` replaces the
    schema that is derived from the declaration, as a function of the microversion. `prepare(ctx, given)` is a
    coroutine that works out, before the transaction, what `run` is given; the caller may create one by then.
    `beside` describes what the answer says beside the item's fields (kernel/resource/shapes.py).
    """

    status: Status = 201
    quota: Mapping[str, Amount] = field(default_factory=dict)
    bulk: bool = False
    location: bool = False
    beside: Mapping[str, Any] = field(default_factory=dict)
    body: Callable[[int], Mapping[str, Any]] | None = None
    prepare: Callable[["Context", dict[str, Any]], Awaitable[dict[str, Any]]] | None = None

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        shown = shapes.one(cls, **self.beside)
        return self._endpoint(
            cls,
            "POST",
            cls.path,
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"create_{cls.member or cls.noun}",
            schema=lambda version: self._body(cls, version, wire),
            answer=shapes.either(shown, shapes.several(cls)) if self.bulk else shown,
            prepare=self._prepare(cls, self.prepare) if self.prepare is not None else None,
        )

    def _body(self, cls: "type[Resource]", version: int, wire: "WireProfile") -> Mapping[str, Any]:
        body = self.body(version) if self.body else schema.body_schema(cls, "create", version, wire)
        if not self.bulk:
            return body
        items = {"type": "array", "items": body["properties"][cls.member], "minItems": 1}
        many = {"type": "object", "properties": {cls.plural: items}, "required": [cls.plural]}
        return {"anyOf": [body, many]}

    def _prepare(
        self,
        cls: "type[Resource]",
        prepare: Callable[["Context", dict[str, Any]], Awaitable[dict[str, Any]]],
    ) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def prepared(ctx: "Context", request: Request) -> dict[str, Any]:
            given = self.parse(cls, ctx, request.body)
            await ctx.read(self.authorize, ctx, cls, given)
            return await prepare(ctx, given)

        return prepared

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        body = request.body
        several = self.bulk and isinstance(body, dict) and cls.plural in body
        items = [{cls.member: item} for item in _list(body[cls.plural], cls.plural)] if several else [body]
        fixed = {name: value for name, value in request.params.items() if name in cls.columns}
        parsed = (
            [self.parse(cls, ctx, item) for item in items] if self.prepare is None else [request.prepared]
        )
        made = [self.make(tx, ctx, cls, {**given, **fixed}) for given in parsed]
        return self._reply(tx, ctx, cls, made, several)

    def _reply(self, tx: Tx, ctx: "Context", cls: "type[Resource]", made: list[Any], several: bool) -> Reply:
        made = [item if isinstance(item, Made) else Made(item) for item in made]
        bodies = render(tx, ctx, cls, [item.row for item in made], verb="create")
        for body, item in zip(bodies, made, strict=True):
            body.update(item.extra)
        headers = dict(made[0].headers) if made else {}
        if self.location and not several:
            headers["Location"] = (
                f"{ctx.base_url}{ctx.service.api.prefix}{cls.path}/{made[0].row.__dict__[cls.key]}"
            )
        answer = {cls.plural: bodies} if several else envelope(cls, bodies[0])
        return Reply(self.status_at(ctx.version), answer, headers)

    def parse(self, cls: "type[Resource]", ctx: "Context", body: Any) -> dict[str, Any]:
        """What the body gives, by field name."""
        wire = ctx.service.api.wire
        if self.body is not None:
            schema.check(schema.compile_schema(self.body(ctx.version)), body, wire)
        return schema.parse(cls, "create", body, ctx.version, wire)

    def authorize(self, tx: Tx, ctx: "Context", cls: "type[Resource]", given: Mapping[str, Any]) -> None:
        """Raise NotPermitted unless the caller may create one, with these fields set."""
        target = cls.target_of_new(tx, ctx, given)
        if self.policy:
            ctx.require(self.policy, target)
        require_fields(ctx, cls, "create", given, target)

    def make(self, tx: Tx, ctx: "Context", cls: "type[Resource]", given: dict[str, Any]) -> Any:
        """Check policy and quota, make the row, and tell of it. Other services create through here too."""
        self.authorize(tx, ctx, cls, given)
        if self.quota:
            costs = {name: _amount(cost, given, cls) for name, cost in self.quota.items()}
            quota.charge(tx, ctx, given.get("project_id") or ctx.project_id or "", costs)
        made = self.run(tx, ctx, given) if self.run else tx.insert(row_from(cls, ctx, given))
        row = made.row if isinstance(made, Made) else made
        events.emit(tx, ctx, f"{cls.noun.replace(' ', '_')}.create", row)
        return made


def row_from(cls: "type[Resource]", ctx: "Context", given: Mapping[str, Any]) -> Any:
    """A row of what was given, owned by the caller where the request did not say."""
    own: dict[str, Any] = {"project_id": ctx.project_id, "user_id": ctx.user_id}
    values = {name: value for name, value in own.items() if name in cls.columns and cls.columns[name].stored}
    values |= {name: value for name, value in given.items() if cls.columns[name].stored}
    return cls(**values)


def require_fields(
    ctx: "Context",
    cls: "type[Resource]",
    verb: str,
    given: Mapping[str, Any],
    target: Mapping[str, Any],
) -> None:
    """Raise NotPermitted when a field was set that the caller may not set."""
    for name in given:
        spec = cls.fields.get(name)
        if spec is not None and spec.set_rule:
            if verb == "create" and given[name] == spec.default:
                continue
            ctx.require(spec.set_rule.format(verb=verb), target)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadRequest(f"'{name}' must be a list with at least one item.")
    return value


def _amount(cost: Amount, given: Mapping[str, Any], cls: "type[Resource]") -> int:
    if callable(cost):
        return cost(given)
    return int(given.get(cost) or 0) if isinstance(cost, str) else cost


@dataclass(frozen=True, kw_only=True)
class Update(Operation):
    """PUT or PATCH of one item, as the family has it."""

    method: str = ""

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        return self._endpoint(
            cls,
            self.method or wire.update_method,
            item_path(cls),
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"update_{cls.member or cls.noun}",
            schema=lambda version: schema.body_schema(cls, "update", version, wire),
            answer=shapes.one(cls),
        )

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        row = fetch(tx, ctx, cls, request, self.policy)
        given = schema.parse(cls, "update", request.body, ctx.version, ctx.service.api.wire)
        require_fields(ctx, cls, "update", given, cls.target_for(tx, ctx, row))
        if self.run is not None:
            row = self.run(tx, ctx, row, given)
        elif given:
            row = tx.update(row, **{n: v for n, v in given.items() if cls.columns[n].stored})
        events.emit(tx, ctx, f"{cls.noun.replace(' ', '_')}.update", row)
        (body,) = render(tx, ctx, cls, [row], verb="update")
        return Reply(self.status_at(ctx.version), envelope(cls, body))


@dataclass(frozen=True, kw_only=True)
class Delete(Operation):
    """DELETE of one item: 204 without a body unless the operation says otherwise."""

    status: Status = 204

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        return self._endpoint(
            cls,
            "DELETE",
            item_path(cls),
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"delete_{cls.member or cls.noun}",
        )

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        row = fetch(tx, ctx, cls, request, self.policy)
        if self.run is not None:
            self.run(tx, ctx, row)
        else:
            tx.delete(row)
        events.emit(tx, ctx, f"{cls.noun.replace(' ', '_')}.delete", row)
        return Reply(self.status_at(ctx.version))
