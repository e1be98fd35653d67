# SPDX-License-Identifier: Apache-2.0
"""`cumulet explain`: why a request was refused."""

from pathlib import Path
from typing import Any

import click

from cumulet.cli import state
from cumulet.cli.look import stories
from cumulet.cli.state import State
from cumulet.kernel.auth import refusals
from cumulet.kernel.auth.refusals import Refusal


@click.command(epilog="\b\nExample:\n  cumulet explain req-6ae9c2fd-...")
@state.option
@click.argument("request_id")
def explain(state_dir: Path | None, request_id: str) -> None:
    """Say why a request was refused, and what would have let it through.

    The rule, as it was written then, who asked with which roles for what, and what was missing.
    """
    story = next((s for s in stories(State.at(state_dir), request_id) if s[0]["story"] == request_id), None)
    request = next((span for span in story or () if span["kind"] == "request"), None)
    if story is None or request is None:
        raise click.ClickException(f"{request_id} is no request that was kept.")
    click.secho(f"{request['name']}  {request['status']}", bold=True)
    found = [refusals.read(span["message"]) for span in story if span["kind"] == refusals.KIND]
    if not found:
        raise click.ClickException(_unexplained(request))
    for refusal in found:
        _tell(refusal)


def _unexplained(request: dict[str, Any]) -> str:
    if not request["message"]:
        return "It was not refused."
    return f"No policy rule has refused it; what it was told is: {request['message']}"


def _tell(refusal: Refusal) -> None:
    click.echo(f"refused by  {refusal.rule}, a rule of {refusal.service}")
    first, *others = refusal.texts.items() or [(refusal.rule, "no such rule: nobody may")]
    click.echo(f"which is    {first[1]}")
    for name, text in others:
        click.echo(f"            where {name} is {text}")
    click.echo(f"asked by    user {refusal.user_id or 'nobody'} with a token for {refusal.scope}")
    click.echo(f"            roles: {', '.join(refusal.roles) or 'none'}")
    if refusal.service_roles:
        click.echo(f"            roles of the service token: {', '.join(refusal.service_roles)}")
    _tell_ways(refusal.ways)


def _tell_ways(ways: list[list[str]]) -> None:
    if not ways:
        click.echo("missing     nothing that this caller could have: no role or scope would do")
        return
    for number, way in enumerate(ways):
        click.echo(f"{'or' if number else 'missing':<12}{', and '.join(way)}")
