# SPDX-License-Identifier: Apache-2.0
"""An agent that is killed at any instant is followed by one that makes things true.

The agent is a process of its own here, killed with SIGKILL after a while that differs each time.
"""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine_lab import Machine, a_guest, a_machine, a_volume, attached, needs_qemu

from cumulet.contracts.documents import DOCUMENTS, Document, GuestDocument

pytestmark = needs_qemu
change = msgspec.structs.replace

AGENT = """
import json, sys
from pathlib import Path
import msgspec
sys.path.insert(0, sys.argv[1])
from machine_lab import Machine
from cumulet.contracts.documents import DOCUMENTS
machine = Machine(Path(sys.argv[2]))
for kind, body in json.loads(sys.argv[3]):
    machine.apply(msgspec.convert(body, DOCUMENTS[kind]))
    print(kind, flush=True)
"""


def apply_and_die(machine: Machine, documents: list[Document], patience: float) -> None:
    """An agent applies the documents, one after the other, and is killed in the midst of it."""
    words = msgspec.json.encode([(document.kind, document) for document in documents]).decode()
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", AGENT, folder, str(machine.folder), words]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert agent.stdout
    agent.stdout.readline()
    time.sleep(patience)
    agent.kill()
    agent.wait()
    agent.stdout.close()


@pytest.mark.parametrize("patience", [0.0, 0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3, 0.45, 0.6])
def test_whatever_a_killed_agent_was_doing_is_finished(patience: float) -> None:
    assert {"guest", "volume"} <= set(DOCUMENTS)
    with a_machine() as machine:
        volume = a_volume()
        guest = a_guest()
        full = change(guest, disks=(attached(volume),), reboots=1)
        machine.let_go()
        apply_and_die(machine, [volume, guest, full, change(full, power="suspended"), full], patience)
        machine.start()
        state = machine.apply(full)
        assert (state["power"], state["disks"], state["reboots"]) == ("running", [volume.id], 1)
        assert qemus(machine, full) == 1
        assert machine.apply(change(full, power="suspended"))["power"] == "suspended"
        assert machine.apply(full)["power"] == "running"


def qemus(machine: Machine, guest: GuestDocument) -> int:
    return sum("qemu-system" in process and guest.id in process for process in machine.processes())
