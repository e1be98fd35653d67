# SPDX-License-Identifier: Apache-2.0
"""Why a cloud cannot start, as one sentence for whoever typed the command."""

import os
import stat
from collections.abc import Sequence
from typing import Any

import click

from cumulet.agent.machine_link import taken_by
from cumulet.cli.state import State
from cumulet.kernel.auth.policy_language import PolicyError
from cumulet.kernel.config import SettingsError
from cumulet.kernel.db import trouble
from cumulet.kernel.db.schema import SchemaTooNew
from cumulet.kernel.errors import Unavailable

REFUSALS = (TimeoutError, OSError, SchemaTooNew, Unavailable, *trouble.FAULTS)
"""What a start may fail with through no fault of the program."""

LONGEST_HOST_FOLDER = 54
"""Bytes in the path of a real host's folder: sockets lie below it, and their paths end at 107."""


def sentence(error: Exception, place: State, database: str) -> str:
    """Why the start failed. Raises the error itself when it is the program's own fault."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if said := trouble.sentence(cause, database):
        return said
    if isinstance(error, trouble.FAULTS):
        if not isinstance(cause, trouble.FAULTS[1]):
            raise error
        return f"The traces in {place.control / 'traces.db'} cannot be used: {error}."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def database_url(text: str | None, place: State) -> str:
    """The URL of the database that was asked for, or of the built-in one.

    Raises click.ClickException for what is no such URL.
    """
    if text is None:
        return f"sqlite:///{place.control / 'cumulet.db'}"
    if not trouble.is_known(text):
        raise click.ClickException(
            f"{text!r} is no database that Cumulet knows: write postgresql://USER@HOST:PORT/NAME, "
            "or leave --database out for the built-in SQLite."
        )
    return text


def require_short(place: State, host: str) -> None:
    """Refuse a state folder whose path leaves no room for the sockets of real servers."""
    spare = LONGEST_HOST_FOLDER - len(os.fsencode(place.host(host)))
    if spare < 0:
        raise click.ClickException(
            f"The path of the state folder {place.path} is {-spare} bytes too long for the sockets "
            "that lie below it; choose a shorter --state."
        )


def require_sound_settings(launcher: Any, place: State, manifests: Sequence[Any]) -> None:
    """Refuse operator's settings that a service cannot have, or that are of no service."""
    known = {manifest.name: manifest for manifest in manifests}
    for name, given in place.settings().items():
        try:
            manifest = known.get(name) or launcher.services((name,))[-1]
            manifest.with_settings(given)
        except (LookupError, SettingsError) as error:
            raise click.ClickException(f"{place.settings_file(name)}: {error}") from None


def require_reachable(place: State) -> None:
    """Refuse a state folder to which the unprivileged processes of real hosts could not go."""
    for folder in reversed(place.path.parents):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            raise click.ClickException(
                f"Only some users may enter {folder}, and the processes of a cloud are none of them: "
                f"`chmod o+x {folder}`, or choose another --state."
            )


def require_own_networks(place: State, host: str) -> None:
    """Refuse a second real cloud on this machine while the first has its networks here."""
    other = taken_by(host, place.host(host) / "network")
    if other is not None:
        raise click.ClickException(
            f"The namespaces cumulet-{host} are taken by the cloud in {other.parents[2]}; remove that cloud "
            f"with `cumulet down --state {other.parents[2]} --purge`, or add --simulate to imagine the hosts."
        )


def require_sound_policies(launcher: Any, place: State, services: dict[str, Any]) -> None:
    """Refuse operator's rules that cannot be understood or are of no service; warn of useless ones."""
    for name in place.policies():
        file = place.policy_file(name)
        try:
            if name not in services:
                launcher.services((name,))
                continue
            warnings = services[name].policy.warnings
        except (LookupError, PolicyError) as error:
            raise click.ClickException(f"{file}: {error}") from None
        for warning in warnings:
            click.echo(f"Warning: {file}: {warning}.", err=True)
