# SPDX-License-Identifier: Apache-2.0
"""What a host driver is: the code that makes one kind of document true on a machine, and observes it.

A driver is handed documents one at a time for each id, never two for the same id at once; different ids run
side by side. It holds no truth of its own: after a restart `observe` finds what exists and `apply` makes up
the difference. The contract suite in `cumulet.testing.drivers` is run on every driver, real and simulated
alike.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from cumulet.contracts.documents import Document

D = TypeVar("D", bound=Document, contravariant=True)

State = dict[str, Any]
"""What a driver observes of one thing, as JSON: a guest has {"power": "running"}, a volume {"size_gb": 1}."""

Call = Callable[..., Awaitable[Any]]


class DriverError(Exception):
    """A document that could not be made true; the text is one sentence for the owner of the thing.

    With `retry` true the agent tries again by itself (a busy device, a peer that is not there yet).
    """

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class Surroundings(Protocol):
    """What the agent offers its drivers."""

    async def image_path(self, image_id: str) -> str | None:
        """Path of an image's file, readable by this process; None when there is no such image."""

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        """Answer of the control plane to a guest's metadata request: status, content type, body."""

    def changed(self, kind: str, id: str, state: State | None) -> None:
        """Tell the control plane that a thing changed by itself: a guest that powered off."""


class Driver(Protocol, Generic[D]):
    """Makes documents of one kind true."""

    kind: str
    name: str
    calls: Mapping[str, Call]
    """Named calls this driver answers, such as console_log; arguments are keywords, results JSON."""

    async def start(self, around: Surroundings) -> None:
        """Get ready: find programs and what was left running. DriverError when the host cannot do it."""

    async def stop(self) -> None:
        """Let go without ending anything: guests, networks and exports stay."""

    async def purge(self) -> None:
        """End and remove everything that this driver ever made on the machine."""

    async def observe(self) -> dict[str, State]:
        """Everything of this kind that exists now, by id, wanted or not."""

    async def apply(self, document: D) -> State:
        """Make the document true, from whatever is there now; the state that it is in then."""

    async def remove(self, id: str) -> None:
        """Make sure that nothing of this id is left; nothing being there is fine."""
