# SPDX-License-Identifier: Apache-2.0
"""Whether hosts are there, and how long one that is away is waited for.

A host that is silent is *down* after DOWN_AFTER seconds. It is *expected* for a while longer: an agent that
was restarted, or a machine that boots, is back soon, and what only such a host could have waits for it.
Silence counts only while somebody listened: a control process that has just started has heard of nobody.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from cumulet.kernel.db.tx import Tx
from cumulet.kernel.hosts.documents import HostRow
from cumulet.lib import timestamps

if TYPE_CHECKING:
    from cumulet.kernel.app import App

DOWN_AFTER = 30.0
LOOK_EVERY = 1.0
"""Seconds between two looks for hosts that came back to another control process."""


def mark_down(tx: Tx) -> list[str]:
    """Mark hosts that were not heard of for a while; their names."""
    if tx.app.hosts.listened_for < DOWN_AFTER:
        return []
    silent = timestamps.add(tx.now, -DOWN_AFTER)
    rows = tx.all(HostRow, HostRow.c.state == "up", HostRow.c.seen_at < silent)
    for row in rows:
        tx.update(row, state="down")
    return [row.id for row in rows]


def is_expected(tx: Tx, host: HostRow) -> bool:
    """Whether a host that is down was heard of so recently that it is waited for."""
    known_silence = DOWN_AFTER + tx.app.settings.host_grace
    return host.state != "up" and host.seen_at > timestamps.add(tx.now, -known_silence)


async def one_returns(app: "App", hosts: Collection[str]) -> None:
    """Return once one of these hosts is up, or none of them is expected any more."""
    while await app.db.read(_all_away, hosts):
        await app.hosts.next_arrival(LOOK_EVERY)


def _all_away(tx: Tx, hosts: Collection[str]) -> bool:
    known = tx.get_many(HostRow, hosts).values()
    return all(row.state != "up" for row in known) and any(is_expected(tx, row) for row in known)
