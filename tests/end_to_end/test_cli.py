# SPDX-License-Identifier: Apache-2.0
"""A cloud with a real host, as an operator starts, loses and ends it: two processes, and root."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cumulet.cli.state import CONTROL_UID, State, wait_until
from cumulet.cli.up import PROGRAMS

NETWORKS = Path("/run/netns")


def ours() -> list[Path]:
    """The network namespaces of this machine's real host."""
    return sorted(NETWORKS.glob(f"cumulet-{socket.gethostname()}*"))


if os.getuid() != 0:
    pytest.skip("real hosts need root", allow_module_level=True)
if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)
if ours():
    pytest.skip("this machine is the host of another cloud", allow_module_level=True)


def cumulet(place: State, *words: str) -> str:
    """What a command says; it must succeed."""
    command = [sys.executable, "-m", "cumulet", *words, "--state", str(place.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lives(pid: int) -> bool:
    """Whether a process still runs; one that only waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def place() -> Iterator[State]:
    """A state folder with a short path; whatever a test leaves of its cloud is removed."""
    place = State(Path(tempfile.mkdtemp(prefix="cml-", dir="/tmp")))
    yield place
    if place.path.exists():
        cumulet(place, "down", "--purge")
        shutil.rmtree(place.path, ignore_errors=True)


def test_a_host_outlives_its_control_process_and_is_taken_over(place: State) -> None:
    assert "ready in " in cumulet(place, "up", "--detach", "--port", "0")
    control, agent = place.pid("up"), place.pid("agent")
    assert control is not None and agent is not None
    assert Path(f"/proc/{control}").stat().st_uid == CONTROL_UID
    assert Path(f"/proc/{agent}").stat().st_uid == 0

    os.kill(control, signal.SIGKILL)
    assert wait_until(lambda: place.pid("up") is None, 10)
    assert place.pid("agent") == agent

    assert "ready in " in cumulet(place, "up", "--detach", "--port", "0")
    assert place.pid("agent") == agent
    assert place.pid("up") != control
    assert cumulet(place, "doctor") == "All is well.\n"


def test_a_state_folder_that_only_root_can_reach_is_refused() -> None:
    with tempfile.TemporaryDirectory(prefix="cml-") as closed:
        state = Path(closed, "state")
        command = [sys.executable, "-m", "cumulet", "up", "--state", str(state)]

        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)

        assert refused.returncode == 1
        assert re.fullmatch("Error: Only some users may enter .*\n", refused.stderr), refused.stderr
        assert not state.exists()


def test_purge_leaves_nothing(place: State) -> None:
    cumulet(place, "up", "--detach", "--port", "0")
    control, agent = place.pid("up"), place.pid("agent")

    cumulet(place, "down", "--purge")

    assert not place.path.exists()
    assert not ours()
    assert control is not None and not lives(control)
    assert agent is not None and not lives(agent)


def test_a_second_real_cloud_is_refused_while_the_networks_of_the_first_are_there(place: State) -> None:
    cumulet(place, "up", "--detach", "--port", "0")
    second = State(Path(tempfile.mkdtemp(prefix="cml-", dir="/tmp")))
    try:
        for _ in ("runs", "has ended, and its guests go on"):
            command = [sys.executable, "-m", "cumulet", "up", "--port", "0", "--state", str(second.path)]
            refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert refused.returncode == 1
            assert refused.stderr == (
                f"Error: The namespaces cumulet-{socket.gethostname()} are taken by the cloud in "
                f"{place.path}; remove that cloud with `cumulet down --state {place.path} --purge`, "
                "or add --simulate to imagine the hosts.\n"
            )
            cumulet(place, "down")
    finally:
        shutil.rmtree(second.path)
