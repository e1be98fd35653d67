# SPDX-License-Identifier: Apache-2.0
"""The API of another service of this process, for a service that answers in its name.

Nova's proxies of images, networks and volumes translate one API into another, in which nothing but the API
counts: its policy, its quota, its refusals. So the very functions that answer there are called here, as the
same caller and in the transaction at hand. What a service needs of another for its own logic is a contract.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Query, Reply, Request


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A request to another service: its path below the API's prefix as a template, and what fills it."""

    service: str
    method: str
    path: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def ask(tx: Tx, ctx: Context, asked: Asked) -> Any:
    """What the service answers, in this transaction. Raises its refusals."""
    endpoint, there, request = _prepared(ctx, asked)
    return _body(endpoint.run(tx, there, request))


async def ask_apart(ctx: Context, asked: Asked) -> Any:
    """The same for a route that opens its own transactions."""
    endpoint, there, request = _prepared(ctx, asked)
    return _body(await endpoint.run(there, request))


def _prepared(ctx: Context, asked: Asked) -> tuple[Endpoint, Context, Request]:
    there = ctx.within(asked.service)
    api = there.service.api
    if api.microversions is not None:
        there.version = api.microversions.bounds[0]
    path = asked.path.format(**{name: quote(value) for name, value in asked.params.items()})
    query = Query(urlencode(asked.query, doseq=True))
    request = Request(asked.method, path, asked.params, query, asked.headers, asked.body)
    found = (e for e in api.endpoints if (e.method, e.path) == (asked.method, asked.path))
    return next(found), there, request


def _body(answer: Any) -> Any:
    return answer.body if isinstance(answer, Reply) else answer
