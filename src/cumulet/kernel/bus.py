# SPDX-License-Identifier: Apache-2.0
"""The host protocol: what travels between the control process and the agent of a host.

Documents go down, reports come up, calls go down and are answered. The bus carries hints only: an agent that
is told that something changed asks for what changed since the generation it has, and for all of it when it
connects. So a lost message costs time, never truth.

The two ends meet through two protocols. `Control` is what an agent asks of the control plane, `Host` what the
control plane asks of an agent. In one process each is simply the other's object; between processes
`kernel/bus_unix.py` carries them over a unix socket, and a NATS transport can stand beside it.
"""

from typing import Any, Protocol

import msgspec

PROTOCOL_VERSION = 1


class Generation(msgspec.Struct, frozen=True, order=True, array_like=True):
    """The age of a document on its host. A restored backup starts a new epoch; `n` grows with each change."""

    epoch: int
    n: int


NEVER = Generation(0, 0)


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it is handed to an agent; without a body it is a tombstone: the thing must not exist."""

    kind: str
    id: str
    generation: Generation
    body: msgspec.Raw | None = None
    request_id: str = ""
    """The request that caused the change, so that what the host does joins that request's trace."""


class Written(msgspec.Struct, frozen=True, array_like=True):
    """A document as it is written to a file or a wire; absence is an empty or null body.

    msgspec cannot read a raw text that may be missing, so this is how a `Published` travels.
    """

    kind: str
    id: str
    generation: Generation
    body: msgspec.Raw = msgspec.Raw(b"null")
    request_id: str = ""

    @classmethod
    def of(cls, published: Published) -> "Written":
        body = msgspec.Raw(b"null") if published.body is None else published.body
        return cls(published.kind, published.id, published.generation, body, published.request_id)

    def published(self) -> Published:
        """The document again, keeping nothing else alive of what it was read from."""
        absent = bytes(self.body) in (b"", b"null")
        return Published(
            kind=self.kind,
            id=self.id,
            generation=self.generation,
            body=None if absent else self.body.copy(),
            request_id=self.request_id,
        )


class Took(msgspec.Struct, frozen=True, array_like=True):
    """When a driver worked on a document and how long, by the host's clock, and which request wanted it."""

    request_id: str
    began: float
    """Seconds since 1970."""
    ms: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the host made of a document: `state` as the driver observes it, or the error that it met.

    `state` is None once the thing is gone. `error` is one sentence for a person; it comes with the last state
    that is known, and the agent tries again by itself when `retrying` is true. A generation that a later one
    replaced before it was made true is never reported: the later one's report speaks for both.
    """

    kind: str
    id: str
    generation: Generation
    state: dict[str, Any] | None = None
    error: str | None = None
    retrying: bool = False
    took: Took | None = None
    """The work that ended with this; None when the thing changed by itself, or the agent does not say."""


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself when it connects."""

    name: str
    boot_id: str
    """Changes when the machine restarts, and with each start of a simulated host: its guests are gone."""
    version: int = PROTOCOL_VERSION
    vcpus: int
    memory_mb: int
    disk_gb: int
    hypervisor: str
    """QEMU, or Simulated."""
    accelerator: str = ""
    architecture: str = "x86_64"
    cpu_model: str = ""
    address: str = "127.0.0.1"
    fabric: str = ""
    """Hosts that name the same one can use each other's disks and volumes; without one, only their own."""
    seen: Generation = NEVER
    """The newest generation that the host accepted. A control plane whose own is older was restored from a
    backup, or is new: the host refuses its documents until it starts a newer epoch."""
    drivers: dict[str, str] = {}
    """Kind of document to the name of the driver that makes it true."""


class CallError(Exception):
    """A call that the host carried out and that failed; the text is one sentence for a person."""


class Control(Protocol):
    """What an agent asks of the control plane."""

    async def connect(self, facts: HostFacts, host: "Host") -> None:
        """Record the host as up, and send hints and calls to `host` from now on."""

    def disconnect(self, name: str, host: "Host") -> None:
        """This host object is gone; nothing happens when another has taken its place."""

    async def fetch(self, name: str, since: Generation) -> list[Published]:
        """The documents of the host that changed after `since`, oldest first; every one for NEVER.

        Generations become visible in their order: once one was returned, no older one appears. Tombstones are
        listed until the host has reported them gone.
        """

    async def report(self, name: str, reports: list[Report]) -> None:
        """Store what the host observed; when this returns it is committed."""

    async def beat(self, name: str) -> None:
        """The host is alive."""

    async def image_path(self, image_id: str) -> str | None:
        """Path of an image's file that the host may read, None when there is no such image."""

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        """Answer a guest's metadata request: status, content type, body.

        `peer` holds `remote_address` and `network_id` or `router_id`; `posted` is what the guest posts.
        """


class Host(Protocol):
    """What the control plane asks of an agent."""

    def hint(self) -> None:
        """Some document of this host changed: fetch soon. May be called from any thread."""

    async def call(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """Carry out a named call once for each operation id, and return its JSON result.

        Raises CallError when the host refused or failed, and ConnectionError when it is gone and the outcome
        not known: the same operation may then be asked again. An empty operation id is a question, which
        changes nothing and is carried out each time.
        """
