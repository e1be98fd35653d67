# SPDX-License-Identifier: Apache-2.0
"""The real drivers of a host pass the contract that their simulated twins pass."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulet.agent.driver import State
from cumulet.agent.main import Place, real_drivers
from cumulet.contracts.documents import DOCUMENTS
from cumulet.testing.drivers import Check, Machine, checks, name_of, run_check

NOBODY = 65534
PROGRAMS = ("qemu-system-x86_64", "qemu-storage-daemon", "nft", "dnsmasq")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)),
    reason="the drivers of Linux need root, QEMU, nft and dnsmasq",
)


class Around:
    """An agent with one image, which is blank."""

    def __init__(self, image: Path) -> None:
        self._image = image

    async def image_path(self, image_id: str) -> str | None:
        return str(self._image) if image_id == "blank" else None

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        return 404, "text/plain", b""

    def changed(self, kind: str, id: str, state: State | None) -> None:
        """Nobody listens."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="cml"))  # pytest's own paths are too long for sockets
    folder.chmod(0o755)
    image = folder / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M"], check=True)
    place = Place(f"contract-{os.getpid()}", folder / "state", NOBODY, NOBODY)
    yield Machine(lambda: real_drivers(place), Around(image), image_id="blank")
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("kind", "check"),
    [(kind, check) for kind in DOCUMENTS for check in checks(kind)],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
def test_a_real_driver_keeps_the_contract(machine: Machine, kind: str, check: Check) -> None:
    asyncio.run(run_check(check, machine, kind))
