# SPDX-License-Identifier: Apache-2.0
"""What the last full run of each suite found: results/SUITE.json, which is committed."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from conformance_lib.pool import Outcome

FOLDER = Path(__file__).with_name("results")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A full run: how many tests passed, and the names of those that did not."""

    suite: str
    versions: str
    """Each distribution with its version."""
    date: str
    hosts: str
    passed: int
    failed: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.suite}.json"

    def save(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def record(suite: str, versions: str, outcomes: Iterable[Outcome], *, real: bool) -> Record:
    """What there is to keep of a run that has just ended."""
    by_status: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for outcome in outcomes:
        by_status[outcome.status].append(outcome.name)
    return Record(
        suite=suite,
        versions=versions,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        hosts="real" if real else "simulated",
        passed=len(by_status["passed"]),
        failed=tuple(sorted(by_status["failed"])),
        skipped=tuple(sorted(by_status["skipped"])),
    )


def load_all() -> list[Record]:
    """Every record there is, by name."""
    rows = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    lists = ("failed", "skipped")
    return [Record(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]
