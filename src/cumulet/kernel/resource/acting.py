# SPDX-License-Identifier: Apache-2.0
"""Named actions: POST to an item's /action with {name: arguments}.

`Action(name=..., run=f)`: `f(tx, ctx, row, given)` returns a JSON body or None. A `run` that is a
coroutine is called without a transaction, as `run(ctx, row, given)` with the row as it was read.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db.tx import Tx
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.operation import Operation, Status, item_path

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource


@dataclass(frozen=True, kw_only=True)
class Action(Operation):
    """POST to an item's /action with {name: arguments}. `body` is the schema of the arguments.

    Without a schema the arguments may be null or an empty object and are not looked at. `answer` describes
    what comes back, where something does (kernel/resource/shapes.py).
    """

    name: str
    status: Status = 202
    body: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] | None = None
    answer: Any = None

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        is_async = self.run is not None and inspect.iscoroutinefunction(self.run)
        return self._endpoint(
            cls,
            "POST",
            f"{item_path(cls)}/action",
            self._async_answer(cls) if is_async else lambda tx, ctx, request: self.act(cls, tx, ctx, request),
            name=f"{cls.member}_{self.name}",
            action=self.name,
            schema=self.body_at,
            answer=self.answer,
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

    def act(self, cls: "type[Resource]", tx: Tx, ctx: "Context", request: Request) -> Reply:
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
