# SPDX-License-Identifier: Apache-2.0
"""What a request changes of a container: metadata, access, quotas, and how old objects are kept."""

from dataclasses import dataclass
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Request
from cumulet.services.swift import access, acl, headers, quotas
from cumulet.services.swift.access import Grant
from cumulet.services.swift.model import Container
from cumulet.services.swift.storage_policy import HEADER, require_known


@dataclass(frozen=True)
class Changes:
    """Headers to be set, "" for those to be taken away, and the policy that was asked for."""

    headers: dict[str, str]
    policy: str | None = None

    def require_policy(self, *, of_existing: bool) -> None:
        """Raise BadRequest or Conflict where another policy is asked for than there is."""
        require_known(self.policy, of_existing=of_existing)

    def applied(self, tx: Tx, container: Container) -> Container:
        """The container as it is after them."""
        return container.but(**self._columns(tx, container))

    def apply(self, tx: Tx, container: Container) -> None:
        """Write them, if there are any."""
        if changed := self._columns(tx, container):
            tx.update(container, **changed)

    def _columns(self, tx: Tx, container: Container) -> dict[str, Any]:
        if not self.headers:
            return {}
        return {"headers": headers.merged(container.headers, self.headers, "container")}


def changes_of(request: Request, grant: Grant) -> Changes:
    """Raises BadRequest."""
    sent = request.headers
    found = headers.metadata(sent, "container")
    quotas.of_container(found)
    if grant.owner:
        for name in (access.READ, access.WRITE):
            if (text := sent.get(name.lower())) is not None:
                found[name] = acl.cleaned(name, text)
            elif sent.get(name.lower().replace("x-", "x-remove-", 1)):
                found[name] = ""
    return Changes(found, sent.get(HEADER.lower()))
