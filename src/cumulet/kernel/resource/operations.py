# SPDX-License-Identifier: Apache-2.0
"""The operations that a resource can offer: list, show, create, update, delete, and named actions.

Each is a frozen description that becomes an endpoint. What differs from the ordinary is a plain function:

- `Create(run=f)`: `f(tx, ctx, given)` inserts and returns the row, by default one of what was given.
- `Update(run=f)`: `f(tx, ctx, row, given)` returns the row as it is then.
- `Delete(run=f)`: `f(tx, ctx, row)`.
- `Action(name, run=f)`: `f(tx, ctx, row, given)` returns a JSON body or None.

A `run` that is a coroutine is called without a transaction, as `run(ctx, ...)` with the row as it was read.
Where a create has more to say than its row shows (a generated key), it returns `Made(row, {...})`.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cumulet.kernel import events, quota
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import BadRequest, NotPermitted
from cumulet.kernel.http.endpoint import Endpoint, status_at
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema, shapes
from cumulet.kernel.resource.listing import Filter, Listing, find
from cumulet.kernel.resource.views import render

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource

Status = int | Mapping[str, int]
Amount = int | str | Callable[[Mapping[str, Any]], int]


@dataclass(frozen=True)
class Made:
    """A new row, and what the answer says beside its view, once and never again."""

    row: Any
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What all operations have. `status` may differ by microversion: {"2.0": 200, "2.2": 201}."""

    policy: str = ""
    run: Callable[..., Any] | None = None
    since: str = ""
    until: str = ""
    status: Status = 200
    path: str = ""
    doc: str = ""

    def status_at(self, version: int) -> int:
        return status_at(self.status, version)

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        raise NotImplementedError

    def _endpoint(self, cls: "type[Resource]", method: str, path: str, run: Any, **more: Any) -> Endpoint:
        doc = self.doc or (inspect.getdoc(self.run) if self.run else "") or ""
        return Endpoint(
            method=method,
            path=self.path or path,
            run=run,
            policy=self.policy,
            since=self.since,
            until=self.until,
            doc=doc,
            status=self.status,
            tags=(cls.member or cls.plural,),
            **more,
        )


def item_path(cls: "type[Resource]") -> str:
    return f"{cls.path}/{{{_id_param(cls)}}}"


def _id_param(cls: "type[Resource]") -> str:
    return f"{(cls.member or cls.noun).replace('-', '_').replace(' ', '_')}_id"


def envelope(cls: "type[Resource]", body: dict[str, Any]) -> dict[str, Any]:
    return {cls.member: body} if cls.member else body


def fetch(tx: Tx, ctx: "Context", cls: "type[Resource]", request: Request, policy: str) -> Any:
    """The row that the path names, if the caller may do this to it.

    404 for what the caller may not know of; 403 for what they may know of and not touch, as the API family
    has it.
    """
    return fetch_by_key(tx, ctx, cls, request.params[_id_param(cls)], policy, request.params)


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
        if wire.denies_missing and policy:
            ctx.require(policy, {})
        raise cls.not_found(ctx, key)
    if policy and not ctx.can(policy, cls.target_for(tx, ctx, row)):
        if wire.hides and not _may_show(tx, ctx, cls, row):
            raise cls.not_found(ctx, key)
        raise NotPermitted(rule=policy)
    return row


def _find(tx: Tx, ctx: "Context", cls: "type[Resource]", key: str, params: Mapping[str, str]) -> Any:
    """The row with this key, unless the caller may not know of it.

    The common case, a primary key and visibility that the row tells, takes the statement that is compiled
    once.
    """
    outer = _from_path(cls, params)
    if cls.key == cls.primary and cls.told_by_row and not outer:
        row = tx.get(cls, key)
        return row if row is not None and cls.known_to(tx, ctx, row) else None
    visible = cls.visible(ctx)
    where = [cls.c[cls.key] == key, *outer]
    return tx.first(cls, *where, *(() if visible is None else (visible,)))


def _may_show(tx: Tx, ctx: "Context", cls: "type[Resource]", row: Any) -> bool:
    rule = ctx.service.api.show_rules.get(cls)
    return rule is None or ctx.can(rule, cls.target_for(tx, ctx, row))


def _from_path(cls: "type[Resource]", params: Mapping[str, str]) -> list[Any]:
    """Conditions from placeholders before the key: /images/{image_id}/members/{member_id}."""
    own = _id_param(cls)
    return [cls.c[name] == value for name, value in params.items() if name != own and name in cls.c]


@dataclass(frozen=True, kw_only=True)
class List(Operation):
    """GET of a collection.

    `brief` shows only brief fields; `detail` serves the whole ones below /detail. `filters` are queries
    that are no plain comparison. `page_since` is the microversion from which paging works, `strict_since`
    the one from which unknown query keys are refused. `where(tx, ctx, request)` adds conditions. `sortable`
    and `order` are those of `Listing`. `count_since` is the microversion from which `with_count` adds the
    number of items on all pages.
    """

    brief: bool = False
    detail: bool = False
    filters: Mapping[str, Filter] = field(default_factory=dict)
    page_since: str = ""
    strict_since: str | None = None
    where: Callable[..., Sequence[Any]] | None = None
    sortable: Mapping[str, str] | None = None
    order: Sequence[tuple[str, str]] = ()
    rows: Callable[..., Sequence[Any]] | None = None
    count_since: str = ""

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        names = [spec.on_wire for spec in cls.fields.values() if spec.filter]
        return self._endpoint(
            cls,
            "GET",
            cls.path + ("/detail" if self.detail else ""),
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"list_{cls.plural or cls.member}" + ("_detail" if self.detail else ""),
            query=(*names, *self.filters, "limit", "marker", "sort_key", "sort_dir"),
            answer=shapes.page(cls, brief=self.brief),
        )

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        if self.policy:
            ctx.require(self.policy, {**ctx.own, **request.params})
        if self.rows is not None:
            return Reply(200, {cls.plural: self._bodies(cls, tx, ctx, self.rows(tx, ctx, request))})
        visible = cls.visible(ctx)
        where = [*_from_path(cls, request.params), *(self.where(tx, ctx, request) if self.where else ())]
        listing = Listing(
            resource=cls,
            filters=self.filters,
            where=where if visible is None else [*where, visible],
            strict=self.strict_since is not None and (not self.strict_since or ctx.at(self.strict_since)),
            paged=not self.page_since or ctx.at(self.page_since),
            sortable=self.sortable,
            order=self.order,
            counted=bool(self.count_since and ctx.at(self.count_since) and request.query.flag("with_count")),
        )
        found = find(tx, ctx, listing, request)
        bodies = self._bodies(cls, tx, ctx, found.rows)
        fields = request.query.all("fields")
        if fields and not cls.envelop_items:
            wanted = {name for value in fields for name in value.split(",")}
            bodies = [{k: v for k, v in body.items() if k in wanted} for body in bodies]
        answer = {cls.plural: bodies, **ctx.service.api.wire.page_links(ctx, cls, found.page)}
        return Reply(200, answer if found.total is None else {**answer, "count": found.total})

    def _bodies(self, cls: "type[Resource]", tx: Tx, ctx: "Context", rows: Any) -> list[dict[str, Any]]:
        bodies = render(tx, ctx, cls, rows, brief=self.brief)
        return [{cls.member: body} for body in bodies] if cls.envelop_items else bodies


@dataclass(frozen=True, kw_only=True)
class Show(Operation):
    """GET of one item."""

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        return self._endpoint(
            cls,
            "GET",
            item_path(cls),
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"show_{cls.member or cls.noun}",
            answer=shapes.one(cls),
        )

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        row = fetch(tx, ctx, cls, request, self.policy)
        body = render(tx, ctx, cls, [row])[0]
        if fields := request.query.all("fields"):
            wanted = {name for value in fields for name in value.split(",")}
            body = {k: v for k, v in body.items() if k in wanted}
        return Reply(200, envelope(cls, body))


@dataclass(frozen=True, kw_only=True)
class Create(Operation):
    """POST to a collection. `quota` says what one costs: {"volumes": 1, "gigabytes": "size"} (a field's
    name or a function).

    With `bulk` a body that holds a list under the plural makes several, all or none. `body` replaces the
    schema that is derived from the declaration, as a function of the microversion.
    """

    status: Status = 201
    quota: Mapping[str, Amount] = field(default_factory=dict)
    bulk: bool = False
    location: bool = False
    body: Callable[[int], Mapping[str, Any]] | None = None

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        is_async = self.run is not None and inspect.iscoroutinefunction(self.run)
        return self._endpoint(
            cls,
            "POST",
            cls.path,
            self._async_answer(cls)
            if is_async
            else lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"create_{cls.member or cls.noun}",
            schema=self.body or (lambda version: schema.body_schema(cls, "create", version, wire)),
            answer=shapes.one(cls),
            idempotent=True,
        )

    def _async_answer(self, cls: "type[Resource]") -> Callable[..., Any]:
        async def answer(ctx: "Context", request: Request) -> Reply:
            given = self.parse(cls, ctx, request.body)
            await ctx.read(self.authorize, ctx, cls, given)
            assert self.run is not None
            made = await self.run(ctx, given)
            return await ctx.read(self._reply, ctx, cls, [made], False)

        return answer

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        body = request.body
        several = self.bulk and isinstance(body, dict) and cls.plural in body
        items = [{cls.member: item} for item in _list(body[cls.plural], cls.plural)] if several else [body]
        fixed = {name: value for name, value in request.params.items() if name in cls.columns}
        made = [self.make(tx, ctx, cls, {**self.parse(cls, ctx, item), **fixed}) for item in items]
        return self._reply(tx, ctx, cls, made, several)

    def _reply(self, tx: Tx, ctx: "Context", cls: "type[Resource]", made: list[Any], several: bool) -> Reply:
        made = [item if isinstance(item, Made) else Made(item) for item in made]
        bodies = render(tx, ctx, cls, [item.row for item in made])
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
        return Reply(self.status_at(ctx.version), envelope(cls, render(tx, ctx, cls, [row])[0]))


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


@dataclass(frozen=True, kw_only=True)
class Action(Operation):
    """POST to an item's /action with {name: arguments}. `body` is the schema of the arguments.

    Without a schema the arguments may be null or an empty object and are not looked at.
    """

    name: str
    status: Status = 202
    body: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] | None = None

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        is_async = self.run is not None and inspect.iscoroutinefunction(self.run)
        return self._endpoint(
            cls,
            "POST",
            f"{item_path(cls)}/action",
            self._async_answer(cls)
            if is_async
            else lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"{cls.member}_{self.name}",
            action=self.name,
            schema=self.body_at,
        )

    def body_at(self, version: int) -> Mapping[str, Any]:
        inner = self.body(version) if callable(self.body) else self.body
        return {
            "type": "object",
            "properties": {self.name: inner if inner is not None else {}},
            "required": [self.name],
            "additionalProperties": False,
        }

    def arguments(self, ctx: "Context", request: Request) -> Any:
        if self.body is not None:
            schema.check(_action_validator(self, ctx.version), request.body, ctx.service.api.wire)
        return request.body[self.name]

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        arguments = self.arguments(ctx, request)
        row = fetch(tx, ctx, cls, request, self.policy)
        assert self.run is not None
        result = self.run(tx, ctx, row, arguments)
        return result if isinstance(result, Reply) else Reply(self.status_at(ctx.version), result)

    def _async_answer(self, cls: "type[Resource]") -> Callable[..., Any]:
        async def answer(ctx: "Context", request: Request) -> Reply:
            arguments = self.arguments(ctx, request)
            row = await ctx.read(fetch, ctx, cls, request, self.policy)
            assert self.run is not None
            result = await self.run(ctx, row, arguments)
            return result if isinstance(result, Reply) else Reply(self.status_at(ctx.version), result)

        return answer


_VALIDATORS: dict[tuple[int, int], Any] = {}


def _action_validator(action: Action, version: int) -> Any:
    """Compiled once for each action and microversion; actions live as long as the process."""
    known = _VALIDATORS.get((id(action), version))
    if known is None:
        known = _VALIDATORS[id(action), version] = schema.compile_schema(action.body_at(version))
    return known


def replace(operation: Operation, **changes: Any) -> Operation:
    """The same operation with some of its rules changed."""
    return dataclasses.replace(operation, **changes)
