# SPDX-License-Identifier: Apache-2.0
"""What a request changes of a container: metadata, access, quotas, and how old objects are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, PreconditionFailed
from cumulet.kernel.http.messages import Request, as_flag
from cumulet.services.swift import access, acl, headers, quotas
from cumulet.services.swift.access import Grant
from cumulet.services.swift.model import Container
from cumulet.services.swift.names import unescaped
from cumulet.services.swift.storage_policy import HEADER, require_known
from cumulet.services.swift.versions import archive


@dataclass(frozen=True)
class Changes:
    """Headers to be set, "" for those to be taken away; whether versions are kept; the policy asked for."""

    headers: dict[str, str]
    policy: str | None = None
    versioned: bool | None = None

    def require_policy(self, *, of_existing: bool) -> None:
        """Raise BadRequest or Conflict where another policy is asked for than there is."""
        require_known(self.policy, of_existing=of_existing)

    def applied(self, tx: Tx, container: Container) -> Container:
        """The container as it is after them. Raises BadRequest."""
        return container.but(**self._columns(container))

    def apply(self, tx: Tx, container: Container) -> None:
        """Write them, if there are any. Raises BadRequest."""
        if changed := self._columns(container):
            tx.update(container, **changed)

    def _columns(self, container: Container) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.headers:
            found["headers"] = headers.merged(container.headers, self.headers, "container")
        if self.versioned is not None:
            found["versioned"] = self.versioned
        after = container.but(**found)
        if after.versioned and (after.headers.get(archive.STACK) or after.headers.get(archive.HISTORY)):
            raise BadRequest(_BOTH_WAYS)
        return found


_BOTH_WAYS = (
    "Cannot enable object versioning on a container that is already using the legacy versioned writes "
    "feature."
)


def changes_of(request: Request, grant: Grant) -> Changes:
    """Raises BadRequest."""
    sent = request.headers
    found = headers.metadata(sent, "container")
    quotas.of_container(found)
    if grant.owner:
        for name in (access.READ, access.WRITE):
            if (text := sent.get(name.lower())) is not None:
                found[name] = acl.cleaned(name, text)
            elif _is_removed(sent, name):
                found[name] = ""
    enabled = sent.get("x-versions-enabled")
    versioned = None if enabled is None else as_flag(enabled)
    return Changes({**found, **_archive(sent)}, sent.get(HEADER.lower()), versioned)


def _archive(sent: Mapping[str, str]) -> dict[str, str]:
    """Where old objects go, in one of two ways. Raises BadRequest, PreconditionFailed."""
    if sent.get(archive.STACK.lower()) and sent.get(archive.HISTORY.lower()):
        raise BadRequest(f"Only one of {archive.STACK} or {archive.HISTORY} may be specified")
    found = {}
    for name, other in ((archive.STACK, archive.HISTORY), (archive.HISTORY, archive.STACK)):
        value = sent.get(name.lower())
        if value:
            if "/" in unescaped(value):
                raise PreconditionFailed("Container name cannot contain slashes")
            return {name: value, other: ""}
        if value == "" or _is_removed(sent, name):
            found[name] = ""
    return found


def _is_removed(sent: Mapping[str, str], name: str) -> bool:
    return bool(sent.get(name.lower().replace("x-", "x-remove-", 1)))
