# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/conformance; the exit status says whether something failed unexpectedly."""

import subprocess
import sys

import click

from conformance_lib import records, report, run
from conformance_lib.known import Known
from conformance_lib.suites import SUITES, Suite


@click.command()
@click.option("--real", is_flag=True, help="Real hosts, whose guests are logged in to.")
@click.option("--list", "list_", is_flag=True, help="Say what there is and run nothing.")
@click.option("--only", metavar="PATTERN", help="Tests whose names match.")
@click.option("--record", is_flag=True, help="Write what was found into docs/conformance.md.")
@click.argument("names", nargs=-1, metavar="SUITE...")
def conformance(real: bool, list_: bool, only: str | None, record: bool, names: tuple[str, ...]) -> None:
    """Judge Cumulet by suites that others wrote."""
    if unknown := sorted(set(names) - set(SUITES)):
        raise click.ClickException(f"There is no suite {', '.join(unknown)}; there are {', '.join(SUITES)}.")
    if list_:
        _list(names, only)
        return
    if not names:
        raise click.UsageError("Say which suites, or --list.")
    if record and only:
        raise click.UsageError("Only whole runs are recorded: --record goes without --only.")
    totals = report.Totals()
    for name in names:
        totals += _judge(SUITES[name], only, real=real, keep=record)
    click.echo(totals.sentence)
    sys.exit(totals.wrong > 0)


def _list(names: tuple[str, ...], only: str | None) -> None:
    if not names:
        for suite in SUITES.values():
            click.echo(f"{suite.name:16} {suite.distribution} {version_of(suite)}")
    with run.pool() as pool:
        for name in names:
            for part in SUITES[name].parts:
                for test in run.tests_of(pool, part, only):
                    click.echo(test.id)


def _judge(suite: Suite, only: str | None, *, real: bool, keep: bool) -> "report.Totals":
    """Run a suite, say what was found, and keep it if asked to."""
    version = version_of(suite)
    name = f"{suite.name}-real" if real else suite.name
    known = Known.of(name)
    click.echo(f"== {name}: {suite.distribution} {version}")
    with run.running(suite, report.Ticker(known).told, only, real=real) as (cloud, outcomes):
        verdict = report.judge(outcomes, known, whole=only is None)
        report.show(verdict, cloud)
    found = records.record(name, version, outcomes, distribution=suite.distribution, real=real)
    if keep:
        found.save()
    return verdict.totals


def version_of(suite: Suite) -> str:
    """The version of the suite that is installed."""
    asked = f"from importlib.metadata import version; print(version({suite.distribution!r}))"
    answer = subprocess.run([run.PYTHON, "-c", asked], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


if __name__ == "__main__":
    conformance(prog_name="scripts/conformance")
