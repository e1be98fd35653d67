# SPDX-License-Identifier: Apache-2.0
"""Looking into a cloud: `cumulet status`, `trace`, `doctor` and `saga`."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click

from cumulet.cli import state
from cumulet.cli.client import Operator, Unreachable
from cumulet.cli.state import State
from cumulet.cli.up import PROGRAMS
from cumulet.kernel.auth import refusals
from cumulet.kernel.trace import Traces


@click.command(epilog="\b\nExample:\n  cumulet status --json | jq .sagas")
@state.option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(state_dir: Path | None, as_json: bool) -> None:
    """Say how the cloud is: services, hosts, sagas, memory."""
    place = State.at(state_dir)
    found = Operator(place).get("/status")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"services  {', '.join(found['services'])}")
    click.echo(
        f"database  {found['database']}; up for {found['uptime_s']:.0f} s; "
        f"{found['memory_mib']:.0f} MiB resident"
    )
    for host in found["hosts"]:
        kind = f"{host['hypervisor']} {host['accelerator']}".strip()
        click.echo(
            f"host      {host['name']} {host['state']} "
            f"({kind}, {host['vcpus']} cores, {host['memory_mb']} MiB)"
        )
    click.echo(f"sagas     {found['sagas']['running']} running, {found['sagas']['stuck']} stuck")


@click.command(epilog="\b\nExamples:\n  cumulet trace req-6ae9c2fd-...\n  cumulet trace SERVER_ID")
@state.option
@click.argument("id")
def trace(state_dir: Path | None, id: str) -> None:
    """Tell what became of a request or a resource.

    A tree with times: the request, its steps, its host calls. ID is a request's id, or that of anything
    that was touched.
    """
    for story in stories(State.at(state_dir), id):
        _tell(story)


def stories(place: State, id: str) -> list[list[dict[str, Any]]]:
    """The spans of every story of this id: from the running cloud, from its file when it does not answer."""
    try:
        told: list[list[dict[str, Any]]] = Operator(place).get(f"/stories/{id}")["stories"]
        return told
    except Unreachable:
        kept = place.control / "traces.db"
        if not kept.exists():
            raise
        shown = ("story", "kind", "name", "started", "ms", "status", "message")
        found = [[{n: getattr(s, n) for n in shown} for s in spans] for spans in Traces(kept).stories(id)]
        if not found:
            raise click.ClickException(f"Nothing is known of {id}.") from None
        return found


def _tell(story: list[dict[str, Any]]) -> None:
    first = story[0]
    click.secho(first["story"], bold=True)
    for span in story:
        depth = 0 if span["kind"] == "request" else 1 if span["kind"] in ("step", "undo") else 2
        after = (span["started"] - first["started"]) * 1000
        mark = {"ok": " ", "failed": "x"}.get(span["status"], " ")
        name = span["name"] if span["kind"] in ("request", "step") else f"{span['kind']} {span['name']}"
        tail = "" if span["status"] == "ok" else f"  {span['status']}"
        told = "cumulet explain tells why" if span["kind"] == refusals.KIND else span["message"]
        message = f"  {told}" if told else ""
        click.echo(f"{mark}{after:>10.1f} ms {'  ' * depth}{name}  {span['ms']:.1f} ms{tail}{message}")


@click.command(epilog="\b\nExample:\n  cumulet doctor || echo 'something is wrong'")
@state.option
def doctor(state_dir: Path | None) -> None:
    """Check programs, rights and every invariant.

    Each violation is a line, and the exit status is 1.
    """
    place = State.at(state_dir)
    found = []
    if (place.path / "host").exists() and any((place.path / "host").iterdir()):
        found += [
            f"{name} is missing: apt-get install {p}"
            for name, p in PROGRAMS.items()
            if shutil.which(name) is None
        ]
        if os.getuid() != 0:
            found.append("the cloud has real hosts, and this is not root: not everything can be checked")
    found += Operator(place).get("/violations")["violations"]
    for line in found:
        click.echo(line)
    if found:
        raise SystemExit(1)
    click.echo("All is well.")


@click.group()
def saga() -> None:
    """Sagas: what runs, what is stuck, and how it goes on."""


@saga.command("list")
@state.option
@click.option("--all", "ended", is_flag=True, help="Ended ones too.")
def list_(state_dir: Path | None, ended: bool) -> None:
    """List the sagas that have not ended."""
    for row in Operator(State.at(state_dir)).get(f"/sagas?all={int(ended)}")["sagas"]:
        about = " ".join(f"{name}={value}" for name, value in row["arguments"].items())
        click.echo(f"{row['id']}  {row['state']:<9}  {row['name']}  {about}  {row['why'] or ''}".rstrip())


@saga.command()
@state.option
@click.argument("id")
def show(state_dir: Path | None, id: str) -> None:
    """Show a saga with its steps."""
    click.echo(json.dumps(Operator(State.at(state_dir)).get(f"/sagas/{id}")["saga"], indent=2))


@saga.command()
@state.option
@click.argument("id")
def retry(state_dir: Path | None, id: str) -> None:
    """Have a stuck saga go on from the step it is stuck at."""
    Operator(State.at(state_dir)).post(f"/sagas/{id}/retry")


@saga.command()
@state.option
@click.argument("id")
def skip(state_dir: Path | None, id: str) -> None:
    """Have a stuck saga take the step it is stuck at for done, and go on."""
    Operator(State.at(state_dir)).post(f"/sagas/{id}/skip")
