# SPDX-License-Identifier: Apache-2.0
"""`cumulet down` and `cumulet env`."""

import asyncio
import contextlib
import os
import shlex
import shutil
from pathlib import Path

import click

from cumulet.cli import state
from cumulet.cli.state import QEMU_UID, State


@click.command(
    epilog="\b\nExamples:\n"
    "  cumulet down           guests keep running; `cumulet up` takes them over\n"
    "  cumulet down --purge   nothing is left"
)
@state.option
@click.option("--purge", is_flag=True, help="Remove guests, networks, volumes and the state folder too.")
def down(state_dir: Path | None, purge: bool) -> None:
    """End the cloud. Its servers keep running unless --purge removes everything."""
    place = State.at(state_dir)
    if not place.holds_a_cloud():
        click.echo(f"There is no cloud in {place.path}.")
        return
    ended = place.end("up") | place.end("agent")
    click.echo("The cloud has ended." if ended else "No cloud was running.")
    if purge:
        if os.getuid() == 0:
            for host in sorted((place.path / "host").glob("*")):
                asyncio.run(_purge_host(host))
        try:
            shutil.rmtree(place.path)
        except OSError as error:
            raise click.ClickException(f"{error.filename} cannot be removed: {error.strerror}.") from None
        click.echo(f"{place.path} and all that belonged to it is gone.")


async def _purge_host(folder: Path) -> None:
    """Remove everything that the drivers of a host ever made."""
    from cumulet.agent.drivers.linux_network.plane import HostTaken
    from cumulet.agent.main import Place, real_drivers

    drivers = real_drivers(Place(folder.name, folder, QEMU_UID, QEMU_UID))
    for driver in drivers:
        with contextlib.suppress(HostTaken):  # then the networks of this name are not this cloud's to remove
            await driver.start(_Nobody())
    for driver in reversed(drivers):
        await driver.purge()


class _Nobody:
    """The surroundings of drivers that are about to remove everything: there is nobody to ask or to tell."""

    async def image_path(self, image_id: str) -> str | None:
        return None

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        return 503, "text/plain", b""

    def changed(self, kind: str, id: str, state: object) -> None:
        pass


@click.command(epilog='\b\nExample:\n  eval "$(cumulet env)" && openstack token issue')
@state.option
@click.option("--cloud", default="cumulet", show_default=True, help="The entry of clouds.yaml.")
def env(state_dir: Path | None, cloud: str) -> None:
    """Print the OS_* variables for OpenStack's clients."""
    clouds = State.at(state_dir).read_clouds()
    if cloud not in clouds:
        raise click.ClickException(f"There is no cloud {cloud}; there are {', '.join(clouds)}.")
    entry = clouds[cloud]
    variables = {f"OS_{name.upper()}": value for name, value in entry["auth"].items()}
    variables |= {"OS_REGION_NAME": entry["region_name"], "OS_IDENTITY_API_VERSION": "3"}
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
