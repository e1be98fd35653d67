# SPDX-License-Identifier: Apache-2.0
"""What every route of Placement does before its own work: media types, policy, bodies and queries.

`reads` and `writes` mark a function as a route and check what upstream checks first, in upstream's order.
`Schema` checks a body or a query by the schema of the request's microversion.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotAcceptable, UnsupportedMediaType
from cumulet.kernel.http import bodies
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.wire import preferred
from cumulet.kernel.resource.schema import compile_schema
from cumulet.kernel.versions import microversion
from cumulet.services.placement.complaints import complaint
from cumulet.services.placement.wire import JSON

Handler = Callable[[Tx, Context, Request], Any]


def reads(path: str, policy: str = "", **rules: Any) -> Callable[[Handler], Handler]:
    """A route that shows something as JSON to whom the policy allows it.

    Without a policy the function checks its own.
    """

    def mark(function: Handler) -> Handler:
        @functools.wraps(function)
        def handler(tx: Tx, ctx: Context, request: Request) -> Any:
            accept = request.headers.get("accept", "")
            if accept not in ("", "*/*", JSON) and preferred(accept, JSON) is None:
                raise NotAcceptable(f"Only {JSON} is provided")
            if policy:
                ctx.require(policy)
            return function(tx, ctx, request)

        return route("GET", path, policy=policy, **rules)(handler)

    return mark


def writes(
    method: str, path: str, policy: str, *, body: "Schema | None" = None, **rules: Any
) -> Callable[[Handler], Handler]:
    """A route that changes something. Where it takes a body, that must be JSON; the function checks it."""

    def mark(function: Handler) -> Handler:
        @functools.wraps(function)
        def handler(tx: Tx, ctx: Context, request: Request) -> Any:
            _require_content_type(request, wanted=body is not None and body.known_in(ctx.version))
            ctx.require(policy)
            return function(tx, ctx, request)

        schema = body.at if body is not None else None
        return route(method, path, policy=policy, parsed=False, schema=schema, **rules)(handler)

    return mark


def _require_content_type(request: Request, *, wanted: bool) -> None:
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.raw and not given:
        raise BadRequest("content-type header required when content-length > 0")
    if wanted and given != JSON:
        raise UnsupportedMediaType(
            f"The request media type {given or None} is not supported by this server. \n\n "
            f"The media type {given or None} is not supported, use {JSON}"
        )


class Schema:
    """What a body or a query may hold, by the microversion from which on it may.

    `until` is the last microversion that takes a body at all.
    """

    def __init__(self, versions: Mapping[str, Mapping[str, Any]], until: str = "") -> None:
        self._versions = sorted(((microversion(v), s) for v, s in versions.items()), reverse=True)
        self._until = microversion(until) if until else None
        self._validators: dict[int, Any] = {}

    def known_in(self, version: int) -> bool:
        return self._until is None or version <= self._until

    def at(self, version: int) -> Mapping[str, Any] | None:
        """The schema of a microversion."""
        return next((schema for since, schema in self._versions if version >= since), None)

    def body(self, ctx: Context, request: Request) -> Any:
        """The request's body. Raises BadRequest when it is no JSON or breaks the schema."""
        try:
            body = bodies.decode(request.raw)
        except ValueError as error:
            raise BadRequest(f"Malformed JSON: {error}") from None
        self.check(ctx, body, "JSON does not validate")
        return body

    def query(self, ctx: Context, request: Request) -> dict[str, str]:
        """The request's query, the last value of each key. Raises BadRequest when it breaks the schema."""
        query = dict(request.query.pairs)
        self.check(ctx, query, "Invalid query string parameters")
        return query

    def check(self, ctx: Context, value: Any, lead: str) -> None:
        """Raise BadRequest, beginning with the lead, unless the value fits the schema."""
        since, schema = next(pair for pair in self._versions if ctx.version >= pair[0])
        validator = self._validators.get(since)
        if validator is None:
            validator = self._validators[since] = compile_schema(schema)
        if not validator.is_valid(value):
            raise BadRequest(f"{lead}: {complaint(schema, value, list(validator.iter_errors(value)))}")
