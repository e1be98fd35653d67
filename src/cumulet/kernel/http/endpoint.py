# SPDX-License-Identifier: Apache-2.0
"""One route: a method, a path, and the function that answers.

A plain function is given `(tx, ctx, request)` and runs in one transaction: read-only for GET and HEAD
unless `write` says otherwise. A coroutine is given `(ctx, request)` and opens its own. Both return a Reply,
a JSON value, or None.

What has to be worked out before the transaction, such as a hash, is what the coroutine `prepare` answers to
`(ctx, request)`; the function finds it in `request.prepared`. So it stays a plain one, which can be rehearsed
and asked again with an Idempotency-Key.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from cumulet.kernel.versions import ALWAYS, EVER, microversion

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Other:
    """An answer of success that is not like the usual one."""

    status: int
    answer: Any = None
    returns: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Endpoint:
    """A route as the HTTP layer and the documents see it.

    `prefixed` routes stand below the API's prefix. `public` ones need no token. `anonymous` ones take one
    that holds, and leave it to the function what nobody may do. With `raw` the body arrives as a stream, and
    without `parsed` as bytes, for APIs that have words of their own for bodies that are no JSON. `action` is
    the key that selects this endpoint among those which share a path. A `status` may differ by microversion;
    `also` are other ones of success, or whole other answers. One of 400 or more says that nothing else ever
    comes.

    For who reads the documents, `schema(version)` is the JSON schema of the body and `answer` that of what
    comes back, a part in the words of kernel/resource/shapes.py: None where nothing does. `accepts` and
    `returns` are their media types where those are not the usual one.
    """

    method: str
    path: str
    run: Callable[..., Any]
    name: str = ""
    status: int | Mapping[str, int] = 200
    also: "Sequence[int | Other]" = ()
    prefixed: bool = True
    public: bool = False
    anonymous: bool = False
    write: bool | None = None
    raw: bool = False
    parsed: bool = True
    action: str = ""
    since: str = ""
    until: str = ""
    policy: str = ""
    doc: str = ""
    schema: Callable[[int], Mapping[str, Any] | None] | None = None
    answer: Any = None
    accepts: str = ""
    returns: str = ""
    query: Sequence[str] = ()
    prepare: Callable[..., Awaitable[Any]] | None = None
    member: str = ""
    tags: tuple[str, ...] = field(default=())

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)

    @cached_property
    def writes(self) -> bool:
        return self.write if self.write is not None else self.method not in ("GET", "HEAD")

    @cached_property
    def takes_key(self) -> bool:
        """Whether an Idempotency-Key counts: for every POST that is one transaction."""
        return self.method == "POST" and self.writes and not (self.is_async or self.public or self.raw)

    def answers_at(self, version: int) -> Iterator[Other]:
        """Every answer of success."""
        for also in (self.status_at(version), *self.also):
            yield also if isinstance(also, Other) else Other(also, self.answer, self.returns)

    def status_at(self, version: int) -> int:
        """The status of success, unless the function says another."""
        return status_at(self.status, version)

    def known_in(self, version: int) -> bool:
        first = microversion(self.since) if self.since else ALWAYS
        last = microversion(self.until) if self.until else EVER
        return first <= version <= last


def told(schema: Mapping[str, Any]) -> Callable[[int], Mapping[str, Any]]:
    """What the documents say of a body that a function checks by itself, in every microversion."""
    return lambda version: schema


def body_of(**fields: Mapping[str, Any]) -> Callable[[int], Mapping[str, Any]]:
    """The same for an object that must have these fields."""
    return told({"type": "object", "properties": fields, "required": list(fields)})


def status_at(status: int | Mapping[str, int], version: int) -> int:
    """The status of a microversion, of one status or of several, each by the first version that has it."""
    if isinstance(status, int):
        return status
    return [code for first, code in status.items() if microversion(first) <= version][-1]


def route(method: str, path: str, **rules: Any) -> Callable[[F], F]:
    """Mark a function as the answer to a method and path; the rules are the fields of `Endpoint`.

    A function may carry several. An API lists the functions it serves: nothing is registered by import.
    """

    def mark(function: F) -> F:
        rules.setdefault("name", function.__name__)
        rules.setdefault("doc", inspect.getdoc(function) or "")
        endpoint = Endpoint(method=method, path=path, run=function, **rules)
        function.endpoints = (endpoint, *getattr(function, "endpoints", ()))  # type: ignore[attr-defined]
        return function

    return mark


def routes(method: str, *paths: str, **rules: Any) -> Callable[[F], F]:
    """`route` for a function that answers alike at several paths."""

    def mark(function: F) -> F:
        for path in paths:
            function = route(method, path, **rules)(function)
        return function

    return mark
