# SPDX-License-Identifier: Apache-2.0
"""List and show of users and groups, where they live in a directory: it is asked, then rows are read."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Resource, reading
from cumulet.kernel.resource.operation import id_param
from cumulet.services.keystone import entity
from cumulet.services.keystone.directories import refresh
from cumulet.services.keystone.directories.known import Directories
from cumulet.services.keystone.domain_config.model import limit_of
from cumulet.services.keystone.people import Group, User

if TYPE_CHECKING:
    from cumulet.kernel.http.wire import WireProfile


@dataclass(frozen=True, kw_only=True)
class List(entity.List):
    """GET of the users or groups; those of a domain with a directory as it has them now."""

    def endpoint(self, cls: type[Resource], wire: "WireProfile") -> Endpoint:
        endpoint = super().endpoint(cls, wire)

        async def run(ctx: Context, request: Request) -> Any:
            self.permit(ctx)
            request = await refresh.before_list(ctx, cls, request)
            return await ctx.app.db.read_as(endpoint, endpoint.run, ctx, request)

        return replace(endpoint, run=run)

    def list_limit(self, tx: Tx, ctx: Context, request: Request) -> int | None:
        """That of the domain which the list is about, if it has one."""
        domain_id = refresh.domain_of(ctx, request)
        own = limit_of(tx, domain_id) if domain_id else None
        return own or super().list_limit(tx, ctx, request)


@dataclass(frozen=True, kw_only=True)
class Show(reading.Show):
    """GET of one user or group; one of a directory as it is now, even if it was gone before."""

    def endpoint(self, cls: type[Resource], wire: "WireProfile") -> Endpoint:
        endpoint = super().endpoint(cls, wire)

        async def run(ctx: Context, request: Request) -> Any:
            if not await ctx.app.contract(Directories).domains(ctx.app):
                return await ctx.app.db.read_as(endpoint, endpoint.run, ctx, request)
            found = await ctx.app.db.read_as(endpoint, self._unless_shadow, cls, ctx, request)
            if isinstance(found, Reply):
                return found
            await refresh.refresh_one(ctx, found)
            return await ctx.app.db.read_as(endpoint, endpoint.run, ctx, request)

        return replace(endpoint, run=run)

    def _unless_shadow(
        self, tx: Tx, cls: type[Resource], ctx: Context, request: Request
    ) -> Reply | User | Group:
        """The answer; or the row, to be refreshed, of what lives in a directory."""
        row: Any = tx.get(cls, request.params[id_param(cls)])
        if row is None or not row.local_id:
            return self.answer(cls, tx, ctx, request)
        ctx.require(self.policy, cls.target_for(tx, ctx, row))
        found: User | Group = row
        return found
