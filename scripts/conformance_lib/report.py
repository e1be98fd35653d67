# SPDX-License-Identifier: Apache-2.0
"""What a run says: each failure that is not known with its requests, the story of the first, the sums."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import click
from lab.cloud import Cloud

from conformance_lib.known import Known, sort, stale
from conformance_lib.pool import Outcome

_LINES = 20
"""How many lines of a failure are shown, from the last line of code on."""
_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over runs; `wrong` counts what makes the command fail."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    wrong: int = 0

    def __add__(self, other: Self) -> "Totals":
        return Totals(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            wrong=self.wrong + other.wrong,
        )

    @property
    def sentence(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A run beside what was known of it."""

    totals: Totals
    unexpected: Sequence[Outcome]
    failures: Counter[str]
    skips: Counter[str]
    unexplained: Sequence[Outcome]
    stale: Sequence[str]


class Ticker:
    """Says while tests run what they come to: a line for each failure that is not known."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.count = 0

    def told(self, outcome: Outcome) -> None:
        self.count += 1
        if outcome.status == "failed" and not any(r.covers(outcome.name) for r in self.known.failures):
            click.echo(f"FAILED {outcome.name} ({outcome.seconds:.0f} s)")
        if self.count % _EVERY == 0:
            click.echo(f"{self.count} tests have ended")


def judge(outcomes: Sequence[Outcome], known: Known, *, whole: bool) -> Verdict:
    """Set a run beside what is known; only a whole run can show that something known is so no more."""
    names: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for one in outcomes:
        names[one.status].append(one.name)
    failures, unexpected = sort(known.failures, names["failed"])
    skips, unexplained = sort(known.skips, names["skipped"])
    old = []
    if whole:
        old = stale(known.failures, names["failed"]) + stale(known.skips, names["skipped"])
    failed, skipped = len(names["failed"]), len(names["skipped"])
    return Verdict(
        totals=Totals(
            passed=len(names["passed"]),
            failed=failed,
            skipped=skipped,
            wrong=len(unexpected) + len(unexplained) + len(old),
        ),
        unexpected=[one for one in outcomes if one.status == "failed" and one.name in set(unexpected)],
        failures=failures,
        skips=skips,
        unexplained=[one for one in outcomes if one.status == "skipped" and one.name in set(unexplained)],
        stale=old,
    )


def show(verdict: Verdict, cloud: Cloud) -> None:
    """Print it all; the cloud is asked for the story of the first failure's last request."""
    for outcome in verdict.unexpected:
        _show_failure(outcome)
    for outcome in verdict.unexpected:
        if ids := [word for line in outcome.requests for word in line.split() if word.startswith("req-")]:
            click.echo(f"\n== cumulet trace {ids[-1]}\n{cloud.cumulet('trace', ids[-1]).stdout}")
            break
    for count, text, what in (
        *((count, text, "known to fail") for text, count in verdict.failures.most_common()),
        *((count, text, "skipped") for text, count in verdict.skips.most_common()),
    ):
        click.echo(f"{count:5} {what}: {text}")
    for one in verdict.unexplained:
        click.echo(f"SKIPPED without a known reason: {one.name} ({one.why.strip()})")
    for pattern in verdict.stale:
        click.echo(f"NO LONGER TRUE, take it from the list of what is known: {pattern}")


def _show_failure(outcome: Outcome) -> None:
    click.echo(f"\n== FAILED {outcome.test}")
    lines = [line for line in outcome.why.strip().splitlines() if line.strip(" ^~")]
    code = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    for line in lines[code[-1] if code else 0 :][:_LINES]:
        click.echo(f"    {line}")
    for request in outcome.requests:
        click.echo(f"    > {request}")
