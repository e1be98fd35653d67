# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/conformance; the exit status says whether something failed unexpectedly."""

import subprocess
import sys

import click

from conformance_lib import page, records, report, run
from conformance_lib.known import Known
from conformance_lib.suites import SUITES, Suite


@click.command()
@click.option("--real", is_flag=True, help="Real hosts, whose guests are logged in to.")
@click.option("--list", "list_", is_flag=True, help="Say what there is and run nothing.")
@click.option("--only", metavar="PATTERN", help="Tests whose names match.")
@click.option("--record", is_flag=True, help="Write docs/conformance.md, with what is found now.")
@click.argument("names", nargs=-1, metavar="SUITE...")
def conformance(real: bool, list_: bool, only: str | None, record: bool, names: tuple[str, ...]) -> None:
    """Judge Cumulet by suites that others wrote."""
    if unknown := sorted(set(names) - set(SUITES)):
        raise click.ClickException(f"There is no suite {', '.join(unknown)}; there are {', '.join(SUITES)}.")
    if list_:
        _list(names, only)
        return
    if not names and not record:
        raise click.UsageError("Say which suites, or --list.")
    if record and only:
        raise click.UsageError("Only whole runs are recorded: --record goes without --only.")
    totals = report.Totals()
    for name in names:
        totals += _judge(SUITES[name], only, real=real, keep=record)
    if record:
        page.write()
    if names:
        click.echo(totals.sentence)
    sys.exit(totals.wrong > 0)


def _list(names: tuple[str, ...], only: str | None) -> None:
    if not names:
        for suite in SUITES.values():
            click.echo(f"{suite.name:16} {versions_of(suite)}")
    for name in names:
        with run.pool(SUITES[name]) as pool:
            for part in SUITES[name].parts:
                for test in run.tests_of(pool, part, only):
                    click.echo(test.id)


def _judge(suite: Suite, only: str | None, *, real: bool, keep: bool) -> "report.Totals":
    """Run a suite, say what was found, and keep it if asked to."""
    versions = versions_of(suite)
    name = f"{suite.name}-real" if real else suite.name
    known = Known.of(name)
    click.echo(f"== {name}: {versions}")
    with run.running(suite, report.Ticker(known).told, only, real=real) as (cloud, outcomes):
        verdict = report.judge(outcomes, known, whole=only is None)
        report.show(verdict, cloud)
    if keep:
        records.record(name, versions, outcomes, real=real).save()
    return verdict.totals


def versions_of(suite: Suite) -> str:
    """The distributions of a suite, as they are installed."""
    asked = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(suite.python), "-c", asked, *suite.distributions]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = zip(suite.distributions, answer.stdout.split(), strict=True)
    return ", ".join(f"{name} {version}" for name, version in pairs)


if __name__ == "__main__":
    conformance(prog_name="scripts/conformance")
