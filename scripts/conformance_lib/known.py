# SPDX-License-Identifier: Apache-2.0
"""What is known to fail or to be skipped, and why: known/SUITE.yaml.

    failures:
      - reason: Trusts are not there yet.
        tests: ["tempest.api.identity.v3.test_trusts.*"]
    skips:
      - reason: ...

An entry that matches nothing any more has to go: `stale` finds it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

FOLDER = Path(__file__).with_name("known")


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why some tests, given as patterns of their names, do not pass."""

    text: str
    tests: tuple[str, ...]

    def covers(self, test: str) -> bool:
        return any(fnmatchcase(test, pattern) for pattern in self.tests)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The reasons of one suite."""

    failures: tuple[Reason, ...] = ()
    skips: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, suite: str) -> "Known":
        path = FOLDER / f"{suite}.yaml"
        held = (yaml.safe_load(path.read_text()) if path.exists() else None) or {}
        lists = {
            kind: tuple(Reason(text=row["reason"], tests=tuple(row["tests"])) for row in held.get(kind) or ())
            for kind in ("failures", "skips")
        }
        return cls(**lists)


def sort(reasons: Iterable[Reason], tests: Iterable[str]) -> tuple[Counter[str], list[str]]:
    """How many of the tests each reason covers, and the tests that none does."""
    counted: Counter[str] = Counter()
    unknown = []
    for test in tests:
        text = next((reason.text for reason in reasons if reason.covers(test)), None)
        if text is None:
            unknown.append(test)
        else:
            counted[text] += 1
    return counted, unknown


def stale(reasons: Iterable[Reason], tests: Iterable[str]) -> list[str]:
    """The patterns that match none of the tests."""
    names = list(tests)
    return [
        pattern
        for reason in reasons
        for pattern in reason.tests
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
