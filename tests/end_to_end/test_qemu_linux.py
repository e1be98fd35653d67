# SPDX-License-Identifier: Apache-2.0
"""A Linux guest on real QEMU: what only a system inside can show. Takes a minute without KVM.

The image is the one that CUMULET_GUEST_IMAGE names, or is built.
"""

import base64
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine_lab import Console, Machine, a_guest, a_machine, a_volume, attached, needs_qemu

from cumulet.contracts.documents import GuestDocument, GuestNic, GuestRescue

pytestmark = needs_qemu
change = msgspec.structs.replace
BOOT = 120.0
"""Seconds that a guest may take to its login prompt on a busy machine."""


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("CUMULET_GUEST_IMAGE"):
        return Path(given)
    from cumulet.guest_image.build import build
    from cumulet.guest_image.host import BuildError

    folder = tmp_path_factory.mktemp("image")
    try:
        return build(folder / "guest.qcow2", folder / "packages", lambda subject, share: None).path
    except BuildError as error:
        pytest.skip(f"no guest image: {error}")


@pytest.fixture
def machine(linux: Path) -> Iterator[Machine]:
    with a_machine() as machine:
        shutil.copy(linux, machine.folder / "linux")
        yield machine


def a_linux_guest() -> GuestDocument:
    metadata = json.dumps({"uuid": "linux", "hostname": "linux", "public_keys": {}})
    script = "#!/bin/sh\necho user data has run > /dev/console\n"
    return a_guest(
        image_id="linux",
        memory_mb=128,
        root_gb=1,
        shutdown_timeout=60,
        nics=(GuestNic(port_id=str(uuid.uuid4()), mac_address="fa:16:3e:00:00:09", mtu=1400),),
        config_drive={
            "openstack/latest/meta_data.json": base64.b64encode(metadata.encode()).decode(),
            "openstack/latest/user_data": base64.b64encode(script.encode()).decode(),
        },
    )


def log(machine: Machine, guest: GuestDocument) -> str:
    return machine.run(machine.guests.console_log(guest.id))


def wait_login(machine: Machine, guest: GuestDocument, times: int = 1) -> None:
    deadline = time.monotonic() + BOOT
    while log(machine, guest).count("login: ") < times:
        assert time.monotonic() < deadline, log(machine, guest)
        time.sleep(0.2)


def test_a_guest_boots_finds_its_config_drive_and_is_changed_while_it_runs(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    bare = a_linux_guest()
    machine.apply(bare)
    wait_login(machine, bare)
    assert "user data has run" in log(machine, bare)

    guest = change(bare, disks=(attached(volume),))
    machine.apply(guest)
    console = Console(machine, guest)
    assert "1400" in console.run("cat /sys/class/net/eth0/mtu")
    console.wait("cat /sys/block/vdc/serial", volume.id[:20])
    console.run("echo kept | sudo dd of=/dev/vdc conv=fsync")

    machine.apply(change(volume, size_gb=2))
    machine.apply(guest)
    console.wait("cat /sys/block/vdc/size", str(2 << 21))
    assert "kept" in console.run("sudo dd if=/dev/vdc bs=512 count=1 iflag=direct 2>/dev/null")

    suspended = machine.apply(change(guest, power="suspended"))
    assert suspended["power"] == "suspended"
    machine.kill_agent()
    machine.apply(guest)
    console = Console(machine, guest, logged_in=True)
    assert "kept" in console.run("sudo dd if=/dev/vdc bs=512 count=1 iflag=direct 2>/dev/null")

    assert machine.apply(change(bare, nics=()))["disks"] == []
    assert "vdc" not in console.run("ls /sys/block")
    assert "eth0" not in console.run("ls /sys/class/net")
    began = time.monotonic()
    assert machine.apply(change(bare, power="stopped"))["power"] == "stopped"
    assert time.monotonic() - began < 50
    assert "Power down" in log(machine, bare)


def test_a_guest_that_powers_off_by_itself_is_told_and_keeps_its_console_log(machine: Machine) -> None:
    guest = a_linux_guest()
    machine.apply(guest)
    wait_login(machine, guest)
    machine.apply(change(guest, reboots=1))
    assert "Power down" in log(machine, guest)
    wait_login(machine, guest, times=2)
    assert machine.around.told == []
    machine.ask(guest, "system_powerdown")
    kind, id, state = machine.wait_told(60)
    assert (kind, id, state and state["power"]) == ("guest", guest.id, "stopped")
    assert machine.observe("guest")[guest.id]["power"] == "stopped"


def test_a_guest_is_rescued_with_its_own_disk_beside_it_and_grows(machine: Machine) -> None:
    guest = a_linux_guest()
    machine.apply(guest)
    wait_login(machine, guest)
    Console(machine, guest).run("sudo touch /broken; sync")

    machine.apply(change(guest, rescue=GuestRescue(image_id="linux", count=1)))
    wait_login(machine, guest, times=2)
    console = Console(machine, guest)
    assert "broken" not in console.run("ls /")
    console.run(
        "sudo mkdir -p /own; sudo mount /dev/vdb1 /own; sudo mv /own/broken /own/mended; sudo umount /own"
    )

    larger = change(guest, root_gb=2, memory_mb=192)
    machine.apply(larger)
    wait_login(machine, guest, times=3)
    console = Console(machine, guest)
    assert "mended" in console.run("ls /")
    assert str(2 << 21) in console.run("cat /sys/block/vda/size")
    assert not list(machine.guests._guest(guest.id).folder.path.glob("rescue*"))
