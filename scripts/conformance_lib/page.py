# SPDX-License-Identifier: Apache-2.0
"""docs/conformance.md, made of what the last full runs found and of what is known about it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance_lib.known import Known, sort
from conformance_lib.records import Record, load_all
from conformance_lib.services import why_not
from conformance_lib.suites import SUITES

PAGE = Path(__file__).parents[2] / "docs/conformance.md"

_HEAD = """\
# Conformance

Suites that others wrote judge Cumulet: tempest, its plugins, the functional tests of the `openstack` command,
and everyday clients. `scripts/conformance SUITE` gives each a new cloud with two simulated hosts (unless
*hosts* says otherwise) and runs it as upstream ships it. Every feature that a complete cloud has is switched
on in tempest.conf: what is missing here fails there and is not skipped. This page is made of the last full
runs, by `scripts/conformance SUITE --record`; do not edit it.

| suite | version | date | hosts | passed | known failures | failed | skipped |
|---|---|---|---|---|---|---|---|
"""


def write() -> None:
    PAGE.write_text(text())


def text() -> str:
    """The whole page."""
    records = load_all()
    sections = [section for record in records for section in _section(record)]
    return _HEAD + "".join(_row(record) for record in records) + _never_run(records) + "".join(sections)


def _never_run(records: Sequence[Record]) -> str:
    """Each suite without a record, and why it has none."""
    run = {record.suite.removesuffix("-real") for record in records}
    lines = [
        f"- {suite.name} ({suite.versions}): {why_not(suite) or 'Nobody has run it yet.'}\n"
        for suite in sorted(SUITES.values(), key=lambda suite: suite.name)
        if suite.name not in run
    ]
    return "".join(("\nNever run:\n\n", *lines)) if lines else ""


def _row(record: Record) -> str:
    _, unknown = sort(Known.of(record.suite).failures, record.failed)
    cells = (
        record.suite,
        record.versions,
        record.date,
        record.hosts,
        record.passed,
        len(record.failed) - len(unknown),
        len(unknown),
        len(record.skipped),
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def _section(record: Record) -> Iterator[str]:
    """Why tests of a suite fail or are skipped; nothing where none is."""
    known = Known.of(record.suite)
    failures, failed = sort(known.failures, record.failed)
    skips, skipped = sort(known.skips, record.skipped)
    if not record.failed and not record.skipped:
        return
    yield f"\n## {record.suite}\n\n"
    yield from _reasons("fails", "fail", failures)
    yield from _reasons("is skipped", "are skipped", skips)
    for name in failed:
        yield f"- {name} fails; nobody has said why yet.\n"
    for name in skipped:
        yield f"- {name} is skipped; nobody has said why yet.\n"


def _reasons(one: str, more: str, counted: Counter[str]) -> Iterator[str]:
    for reason, count in counted.most_common():
        yield f"- {count} {one if count == 1 else more}: {reason}\n"
