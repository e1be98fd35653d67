# SPDX-License-Identifier: Apache-2.0
"""Reports on their way to the control plane: the latest of each document, sent again until it is accepted.

Whatever is reported while one batch travels goes with the next, so a busy host sends few large batches and an
idle one sends at once.
"""

import asyncio

import msgspec

from cumulet.kernel.bus import Generation, Report

BATCH = 200


class Outbox:
    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, Generation], Report] = {}
        self._filled = asyncio.Event()
        self._travelling = False

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._travelling

    def put(self, report: Report) -> None:
        """Send this, and of what was said before of the same generation only how long it took."""
        key = report.kind, report.id, report.generation
        before = self._waiting.get(key)
        if before is not None and report.took is None:
            report = msgspec.structs.replace(report, took=before.took)
        self._waiting[key] = report
        self._filled.set()

    async def take(self) -> list[Report]:
        """The next batch, once there is one; it is answered with `accepted` or `put_back`."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        keys = list(self._waiting)[:BATCH]
        self._travelling = True
        return [self._waiting.pop(key) for key in keys]

    def accepted(self) -> None:
        self._travelling = False

    def put_back(self, reports: list[Report]) -> None:
        """These were not accepted: they go again, save where a later one waits already."""
        self._travelling = False
        for report in reports:
            self._waiting.setdefault((report.kind, report.id, report.generation), report)
