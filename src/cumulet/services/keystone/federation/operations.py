# SPDX-License-Identifier: Apache-2.0
"""PUT of an item: whoever makes it gives it its id, in the path."""

from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.wire import WireProfile
from cumulet.kernel.resource import Resource, schema, shapes, writing
from cumulet.kernel.resource.operation import envelope, id_param, item_path
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import parsed
from cumulet.services.keystone.wire import STRICT

LONGEST_ID = 64


@dataclass(frozen=True, kw_only=True)
class Put(writing.Create):
    """A create under the id of the path; its body may be empty, and hold no key that no field knows."""

    wire: WireProfile = STRICT

    def endpoint(self, cls: type[Resource], wire: WireProfile) -> Endpoint:
        return self._endpoint(
            cls,
            "PUT",
            item_path(cls),
            lambda tx, ctx, request: self.answer(cls, tx, ctx, request),
            name=f"create_{cls.member}",
            schema=lambda version: schema.body_schema(cls, "create", version, self.wire),
            answer=shapes.one(cls),
        )

    def parse(self, cls: type[Resource], ctx: Context, body: Any) -> dict[str, Any]:
        return parsed(cls, "create", body or {cls.member: {}}, self.wire)

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        id = check_length(request.params[id_param(cls)])
        row = self.make(tx, ctx, cls, {**self.parse(cls, ctx, request.body), "id": id})
        return Reply(201, envelope(cls, render(tx, ctx, cls, [row])[0]))


def check_length(id: str) -> str:
    """The id, if it is not too long to be one. Raises BadRequest."""
    if len(id) > LONGEST_ID:
        raise BadRequest(
            f"String length exceeded. The length of string '{id}' exceeds the limit of column "
            f"id(CHAR({LONGEST_ID}))."
        )
    return id
