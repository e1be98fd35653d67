# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/conformance; the exit status says whether something failed unexpectedly."""

import sys

import click

from conformance_lib import page, records, report, run
from conformance_lib.known import Known
from conformance_lib.services import why_not
from conformance_lib.suites import SUITES, Suite, lines


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
    for name in names:
        if reason := why_not(SUITES[name]):
            raise click.ClickException(f"{name} cannot be run. {reason}")
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
        click.echo("\n".join(lines()))
    for name in names:
        with run.pool(SUITES[name]) as pool:
            for part in SUITES[name].parts:
                for test in run.tests_of(pool, part, only):
                    click.echo(test.id)


def _judge(suite: Suite, only: str | None, *, real: bool, keep: bool) -> "report.Totals":
    """Run a suite, say what was found, and keep it if asked to."""
    name = f"{suite.name}-real" if real else suite.name
    known = Known.of(name)
    click.echo(f"== {name}: {suite.versions}")
    with run.running(suite, report.Ticker(known).told, only, real=real) as (cloud, outcomes):
        verdict = report.judge(outcomes, known, whole=only is None)
        report.show(verdict, cloud)
    if keep:
        records.record(name, suite.versions, outcomes, real=real).save()
    return verdict.totals


if __name__ == "__main__":
    conformance(prog_name="scripts/conformance")
