# SPDX-License-Identifier: Apache-2.0
"""How a saga and its steps are declared."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

DEADLINE = 300.0


@dataclass(frozen=True)
class Step:
    """What the kernel knows of a step. `deadline` bounds a coroutine, in seconds."""

    function: Callable[..., Any]
    undo: Callable[..., Any] | None = None
    deadline: float = DEADLINE

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)


def step(*, undo: Callable[..., Any] | None = None, deadline: float = DEADLINE) -> Callable[[F], F]:
    """Mark a function as a step.

    A plain one is called as `(tx, ctx, *args)`, a coroutine as `(ctx, *args)`; `args` and the result are
    ids and scalars. `undo` is a plain function that is called as `(tx, ctx, *args)` with the same
    arguments.
    """
    if undo is not None and inspect.iscoroutinefunction(undo):
        raise TypeError("an undo never waits for the world: it is a plain function that publishes absence")

    def mark(function: F) -> F:
        function.step = Step(function, undo, deadline)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class Saga:
    """A declared saga. `keys` name the arguments (without _id) that only one saga may hold at a time."""

    name: str
    body: Callable[..., Awaitable[None]]
    keys: tuple[str, ...] = ()
    queued: bool = False
    on_failure: Callable[..., None] | None = None
    service: str = ""

    def key_texts(self, arguments: dict[str, Any]) -> list[str]:
        """The keys of one run: `server:<id>`."""
        return [f"{key}:{arguments[key + '_id']}" for key in self.keys]


def saga(
    name: str,
    *,
    keys: tuple[str, ...] = (),
    queued: bool = False,
    on_failure: Callable[..., None] | None = None,
) -> Callable[[Callable[..., Awaitable[None]]], Saga]:
    """Declare a saga: `name` ends in its version, as server.create/1, and the old body stays for one release.

    While a saga holds a key, another that wants it is refused with 409, or waits its turn when it is
    `queued`. `on_failure(tx, ctx, why, **arguments)` says what is left when everything was undone; it
    commits with the end of the saga.
    """
    if "/" not in name:
        raise ValueError(f"saga {name!r} has no version: name it {name}/1")

    def mark(body: Callable[..., Awaitable[None]]) -> Saga:
        service = body.__module__.split(".services.")[-1].split(".")[0]
        return Saga(name, body, keys, queued, on_failure, service)

    return mark
