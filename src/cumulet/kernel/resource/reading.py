# SPDX-License-Identifier: Apache-2.0
"""List and show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db.tx import Tx
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import shapes
from cumulet.kernel.resource.finding import fetch, from_path
from cumulet.kernel.resource.listing import Filter, Listing, find
from cumulet.kernel.resource.operation import Operation, envelope, item_path
from cumulet.kernel.resource.views import render

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource


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
            answer=shapes.page(cls, brief=self.brief, **self._beside()),
        )

    def _beside(self) -> dict[str, Any]:
        return {"count": shapes.since(self.count_since, shapes.maybe(int))} if self.count_since else {}

    def answer(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
        target = {**ctx.own, **request.params}
        sifted = bool(self.policy) and ctx.service.api.wire.sifts and not ctx.can(self.policy, target)
        if self.policy and not sifted:
            ctx.require(self.policy, target)
        if self.rows is not None:
            return Reply(200, {cls.plural: self._bodies(cls, tx, ctx, self.rows(tx, ctx, request))})
        visible = cls.visible(ctx)
        where = [*from_path(cls, request.params), *(self.where(tx, ctx, request) if self.where else ())]
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
        rows = found.rows
        if sifted:
            rows = [row for row in rows if ctx.can(self.policy, cls.target_for(tx, ctx, row))]
        bodies = self._bodies(cls, tx, ctx, rows)
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
