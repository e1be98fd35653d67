# SPDX-License-Identifier: Apache-2.0
"""nft programs: loaded whole or not at all."""

import asyncio
import shutil
import subprocess

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.linux_network.namespaces import run_inside


def find_program(name: str, package: str) -> str:
    """Path of a program that a host must have."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise DriverError(f"This host has no {name}; install the package {package}.")
    return path


class RejectedProgram(Exception):
    """nft did not take a program; nothing of it was loaded."""


async def load_program(namespace: str, text: str) -> None:
    """The program is in force in the namespace, in one transaction."""
    nft = find_program("nft", "nftables")
    try:
        await asyncio.to_thread(run_inside, namespace, [nft, "-f", "-"], text)
    except subprocess.CalledProcessError as failure:
        raise RejectedProgram((failure.stderr.strip().splitlines() or ["nft failed"])[0]) from failure
