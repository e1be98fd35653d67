# SPDX-License-Identifier: Apache-2.0
"""Unified limits: what every project may have, said in one place for all services instead of in each.

A quota that has a name there takes its limit from there, if the cloud's settings say so. Usage is still
counted by the service whose rows use it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cumulet.kernel.db.tx import Tx


@dataclass(frozen=True)
class Bound:
    """A limit, and the projects whose use of the resource counts against it together; -1 is unlimited."""

    limit: int
    projects: Sequence[str]


class UnifiedLimits(Protocol):
    """What knows the limits of all services. Keystone provides it."""

    def scopes(self, tx: Tx, project_id: str) -> Sequence[str]:
        """Ids by which charges are kept apart: the project, and what it shares limits with others by."""

    def bounds(
        self, tx: Tx, service_type: str, resources: Collection[str], project_id: str | None
    ) -> Mapping[str, Sequence[Bound]]:
        """What bounds each of these resources for a project, its own limit first; for None what bounds those
        that have none of their own. Resources for which no limit is registered are left out.
        """
