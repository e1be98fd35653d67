# SPDX-License-Identifier: Apache-2.0
"""One thing on a host: what is wanted of it, how far it is, and what the control plane is told."""

import asyncio
from dataclasses import dataclass, field

from cumulet.agent.driver import State
from cumulet.agent.needs import Key
from cumulet.contracts.documents import Document
from cumulet.kernel.bus import Generation, Report


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a thing is not yet what its document wants; it is `own` when its driver said so."""

    message: str
    retrying: bool
    own: bool = True


@dataclass(slots=True, eq=False)
class Thing:
    """One kind and id on this host: what is wanted of it, and how far it is."""

    kind: str
    id: str
    wanted: Generation | None = None
    """None for what was found on the machine before the control plane said what it wants."""
    request_id: str = ""
    """The request that wants it."""
    document: Document | None = None
    """What is wanted; None when the thing must not exist."""
    listed: bool = True
    """Whether the control plane has a document of it; if not, nobody is told how it ends."""
    made: Generation | None = None
    """The generation that was last made true."""
    state: State | None = None
    trouble: Trouble | None = None
    told: Report | None = None
    exists: bool = False
    holds: frozenset[Key] | None = frozenset()
    """What stands under it; None for what a former run of the agent made."""
    using: frozenset[Key] = frozenset()
    """What the driver call under way relies on."""
    waits_for: tuple[Key, ...] = ()
    busy: bool = False
    queued: bool = False
    attempts: int = 0
    timer: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        return self.kind, self.id

    @property
    def settled(self) -> bool:
        return self.wanted is not None and self.made == self.wanted

    @property
    def failed(self) -> bool:
        """Whether its driver gave up on the wanted generation."""
        return self.trouble is not None and self.trouble.own and not self.trouble.retrying


def report_of(thing: Thing) -> Report | None:
    """What the control plane should know; an error comes with the state that still holds."""
    if thing.trouble is not None and thing.wanted is not None:
        return Report(
            kind=thing.kind,
            id=thing.id,
            generation=thing.wanted,
            state=thing.state,
            error=thing.trouble.message,
            retrying=thing.trouble.retrying,
        )
    if thing.made is None:
        return None
    return Report(kind=thing.kind, id=thing.id, generation=thing.made, state=thing.state)
