# SPDX-License-Identifier: Apache-2.0
"""`cumulet agent`: the daemon of a host. `cumulet up` starts it."""

import asyncio
import os
from pathlib import Path

import click

from cumulet.agent.driver import DriverError
from cumulet.agent.main import Place, run_agent
from cumulet.cli import state
from cumulet.cli.state import DHCP_UID, QEMU_UID, State


@click.command(hidden=True)
@state.option
@click.option("--name", required=True, help="The host's name.")
@click.option("--simulate", is_flag=True)
def agent(state_dir: Path | None, name: str, simulate: bool) -> None:
    """Make this machine a host of the cloud in a state folder."""
    folder = State.at(state_dir)
    uid, dhcp_uid = (QEMU_UID, DHCP_UID) if os.getuid() == 0 else (None, None)
    place = Place(name, folder.host(name), uid, uid, folder.control / "exchange", dhcp_uid)
    try:
        asyncio.run(run_agent(place, folder.socket, simulate=simulate))
    except DriverError as error:
        raise click.ClickException(str(error)) from None
