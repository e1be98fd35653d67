# SPDX-License-Identifier: Apache-2.0
"""The life of guests on real QEMU."""

import base64
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine_lab import BLANK, Machine, a_guest, a_machine, a_volume, attached, needs_qemu

from cumulet.agent.driver import DriverError
from cumulet.contracts.documents import GuestDocument, GuestNic

pytestmark = needs_qemu
change = msgspec.structs.replace


@pytest.fixture
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        yield machine


def a_nic(mac: str = "fa:16:3e:00:00:01") -> GuestNic:
    return GuestNic(port_id=str(uuid.uuid4()), mac_address=mac)


def status(machine: Machine, guest: GuestDocument) -> str:
    said: str = machine.ask(guest, "query-status")["status"]
    return said


def serials(machine: Machine, guest: GuestDocument) -> list[str]:
    """The disks that QEMU has given the guest."""
    return sorted(disk["qdev"].split("/")[3] for disk in machine.ask(guest, "query-block"))


def test_a_guest_runs_and_applying_it_again_changes_nothing(machine: Machine) -> None:
    guest = a_guest()
    assert machine.apply(guest) == {
        "power": "running",
        "disks": [],
        "nics": [],
        "reboots": 0,
        "hard_reboots": 0,
        "rebuilds": 0,
    }
    pid = machine.pid(guest)
    machine.apply(guest)
    assert (machine.pid(guest), status(machine, guest)) == (pid, "running")


def test_the_process_runs_as_the_sites_user_and_in_a_session_of_its_own(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    pid = machine.pid(guest)
    assert pid is not None
    assert os.stat(f"/proc/{pid}").st_uid == (machine.site.uid or os.geteuid())
    assert os.getsid(pid) != os.getsid(0)


def test_a_guest_is_stopped_and_started(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    assert machine.apply(change(guest, power="stopped"))["power"] == "stopped"
    assert machine.pid(guest) is None
    assert machine.apply(guest)["power"] == "running"
    assert machine.around.told == []


def test_a_new_guest_may_be_stopped(machine: Machine) -> None:
    guest = a_guest(power="stopped", reboots=3)
    state = machine.apply(guest)
    assert (state["power"], state["reboots"]) == ("stopped", 3)
    assert machine.observe("guest")[guest.id]["power"] == "stopped"


def test_a_guest_is_paused_and_goes_on(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    assert machine.apply(change(guest, power="paused"))["power"] == "paused"
    assert status(machine, guest) == "paused"
    assert machine.apply(guest)["power"] == "running"


def test_a_guest_is_suspended_and_resumed(machine: Machine) -> None:
    volume, nic = a_volume(), a_nic()
    machine.apply(volume)
    guest = a_guest()
    machine.apply(guest)
    guest = change(guest, disks=(attached(volume),), nics=(nic,))
    machine.apply(guest)
    state = machine.apply(change(guest, power="suspended"))
    assert (state["power"], state["disks"]) == ("suspended", [volume.id])
    assert machine.pid(guest) is None
    assert machine.apply(change(guest, power="suspended"))["power"] == "suspended"
    state = machine.apply(guest)
    assert (state["power"], state["disks"], state["nics"]) == ("running", [volume.id], [nic.port_id])
    assert machine.observe("guest")[guest.id]["power"] == "running"


def test_a_guest_that_was_being_suspended_when_the_agent_died_is_suspended(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    folder = machine.guests._guest(guest.id).folder
    machine.apply(change(guest, power="suspended"))
    memory = folder.memory.read_bytes()
    machine.apply(guest)
    folder.unfinished_memory.write_bytes(memory[:100])
    machine.kill_agent()
    assert machine.apply(change(guest, power="suspended"))["power"] == "suspended"
    assert not folder.unfinished_memory.exists()
    assert machine.apply(guest)["power"] == "running"


def test_a_guest_that_was_being_resumed_when_the_agent_died_is_resumed(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    folder = machine.guests._guest(guest.id).folder
    machine.apply(change(guest, power="suspended"))
    record = folder.load()
    assert record is not None
    machine.run(machine.guests._guest(guest.id).process.start(record, incoming=True))
    machine.kill_agent()
    assert machine.apply(guest)["power"] == "running"
    assert not folder.memory.exists()


@pytest.mark.parametrize("counter", ["reboots", "hard_reboots"])
def test_a_counter_that_grew_restarts_the_guest_once(machine: Machine, counter: str) -> None:
    guest = a_guest()
    machine.apply(guest)
    before = machine.pid(guest)
    guest = change(guest, **{counter: 2})
    assert machine.apply(guest)[counter] == 2
    after = machine.pid(guest)
    machine.apply(guest)
    machine.kill_agent()
    machine.apply(guest)
    assert before != after == machine.pid(guest)
    assert machine.around.told == []


def test_a_hard_reboot_of_a_suspended_guest_starts_it_anew(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    machine.apply(change(guest, power="suspended"))
    assert machine.apply(change(guest, hard_reboots=1))["power"] == "running"
    assert not machine.guests._guest(guest.id).folder.memory.exists()


def test_a_rebuilt_guest_has_a_new_root_disk(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    root = machine.guests._guest(guest.id).folder.disk("root")
    machine.make_image("other", "2M")
    guest = change(guest, image_id="other", rebuilds=1)
    with root.open("rb") as before:  # an inode that is open is not given to another file
        assert machine.apply(guest)["rebuilds"] == 1
        assert root.stat().st_ino != os.fstat(before.fileno()).st_ino
    inode = root.stat().st_ino
    machine.apply(guest)
    assert root.stat().st_ino == inode


def test_disks_and_nics_are_plugged_into_a_running_guest(machine: Machine) -> None:
    first, second, nic = a_volume(), a_volume(), a_nic()
    machine.apply(first)
    machine.apply(second)
    guest = a_guest(disks=(attached(first),))
    machine.apply(guest)
    pid = machine.pid(guest)
    guest = change(guest, disks=(attached(first), attached(second, "/dev/vdc")), nics=(nic,))
    state = machine.apply(guest)
    assert (state["disks"], state["nics"]) == ([first.id, second.id], [nic.port_id])
    assert serials(machine, guest) == sorted(["root", f"disk-{first.id}", f"disk-{second.id}"])
    assert machine.pid(guest) == pid


def test_a_disk_that_the_guest_does_not_let_go_of_is_gone_after_a_reboot(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulet.agent.drivers.qemu.hotplug.PATIENCE", 0.1)
    volume, nic = a_volume(), a_nic()
    machine.apply(volume)
    guest = a_guest(disks=(attached(volume),), nics=(nic,))
    machine.apply(guest)
    with pytest.raises(DriverError, match="does not let go of volume") as caught:
        machine.apply(change(guest, disks=(), nics=()))
    assert caught.value.retry
    assert machine.observe("guest")[guest.id]["disks"] == [volume.id]
    state = machine.apply(change(guest, disks=(), nics=(), reboots=1))
    assert (state["disks"], state["nics"]) == ([], [])
    assert machine.apply(change(volume, exported=False))["exported"] is False


def test_a_volume_in_use_stays_exported(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    machine.apply(a_guest(disks=(attached(volume),)))
    with pytest.raises(DriverError, match="in use"):
        machine.apply(change(volume, exported=False))


def test_a_guest_sees_that_its_volume_grew(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    guest = a_guest(disks=(attached(volume),))
    machine.apply(guest)
    machine.apply(change(volume, size_gb=2))
    machine.run(machine.guests.guest_extend_disk(guest.id))
    disks = {disk["qdev"].split("/")[3]: disk for disk in machine.ask(guest, "query-block")}
    assert disks[f"disk-{volume.id}"]["inserted"]["image"]["virtual-size"] == 2 << 30


def test_a_guest_boots_from_a_volume(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    guest = a_guest(image_id=None, disks=(attached(volume, "/dev/vda", boot_index=0),))
    assert machine.apply(guest)["disks"] == [volume.id]
    assert serials(machine, guest) == [f"disk-{volume.id}"]


def test_a_guest_with_nothing_to_boot_from_is_refused(machine: Machine) -> None:
    with pytest.raises(DriverError, match="neither an image nor a volume"):
        machine.apply(a_guest(image_id=None))


def test_a_larger_flavor_restarts_the_guest_with_a_larger_disk(machine: Machine) -> None:
    guest = a_guest(root_gb=1)
    machine.apply(guest)
    before = machine.pid(guest)
    guest = change(guest, vcpus=2, memory_mb=48, root_gb=2)
    machine.apply(guest)
    assert machine.pid(guest) != before
    assert len(machine.ask(guest, "query-cpus-fast")) == 2
    assert machine.ask(guest, "query-block")[0]["inserted"]["image"]["virtual-size"] == 2 << 30


def test_ephemeral_swap_and_config_drive_are_there(machine: Machine) -> None:
    content = {"openstack/latest/meta_data.json": base64.b64encode(b"{}").decode()}
    guest = a_guest(ephemeral_gb=1, swap_mb=16, config_drive=content)
    machine.apply(guest)
    assert serials(machine, guest) == ["config", "ephemeral", "root", "swap"]
    folder = machine.guests._guest(guest.id).folder
    assert b"e30=" not in folder.record.read_bytes()
    machine.kill_agent()
    assert machine.apply(guest)["power"] == "running"


def test_an_image_that_is_larger_than_the_flavor_is_refused(machine: Machine) -> None:
    machine.make_image("large", "3G")
    with pytest.raises(DriverError, match="needs a disk of 3 GB"):
        machine.apply(a_guest(image_id="large", root_gb=1))


def test_an_image_is_cached_once_and_swept_when_nobody_uses_it(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    (machine.folder / BLANK).unlink()
    other = a_guest()
    machine.apply(other)
    machine.remove(guest)
    machine.kill_agent()
    assert [path.stem for path in machine.site.images.iterdir()] == [BLANK]
    machine.remove(other)
    machine.kill_agent()
    assert list(machine.site.images.iterdir()) == []


def test_a_new_agent_finds_its_guests_and_goes_on(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    pid = machine.pid(guest)
    machine.kill_agent()
    assert machine.observe("guest")[guest.id]["power"] == "running"
    machine.apply(guest)
    assert machine.pid(guest) == pid
    assert machine.apply(change(guest, power="paused"))["power"] == "paused"


def test_a_qemu_that_is_killed_is_noticed(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    pid = machine.pid(guest)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    kind, id, state = machine.wait_told()
    assert (kind, id, state and state["power"]) == ("guest", guest.id, "stopped")
    assert machine.apply(guest)["power"] == "running"


def test_a_guest_that_a_new_agent_found_is_watched(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    machine.kill_agent()
    machine.ask(guest, "quit")
    assert machine.wait_told()[1] == guest.id
    assert machine.observe("guest")[guest.id]["power"] == "stopped"


def test_a_guest_killed_a_moment_ago_is_started_again(machine: Machine) -> None:
    guest = a_guest()
    machine.apply(guest)
    pid = machine.pid(guest)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert machine.apply(guest)["power"] == "running"


def test_a_snapshot_of_a_guest_holds_its_root_disk(machine: Machine) -> None:
    image = machine.make_image("image", "4M")
    subprocess.run(["qemu-io", "-c", "write -P 0x66 0 64k", image], check=True, capture_output=True)
    guest = a_guest(image_id="image")
    for power in ("running", "stopped"):
        machine.apply(change(guest, power=power))
        target = machine.site.exchange / f"{power}.raw"
        made = machine.run(machine.guests.guest_snapshot(guest.id, str(target), "raw"))
        assert made["bytes"] == 4 << 20
        assert target.read_bytes()[:65536] == b"\x66" * 65536
        assert oct(target.stat().st_mode & 0o777) == "0o644"


def test_the_console_the_screen_and_figures_can_be_read(machine: Machine) -> None:
    guest = a_guest(nics=(a_nic(),))
    machine.apply(guest)
    machine.guests._guest(guest.id).folder.console.write_text("one\ntwo\nthree\n")
    assert machine.run(machine.guests.console_log(guest.id, 2)) == "two\nthree\n"
    figures = machine.run(machine.guests.guest_diagnostics(guest.id))
    assert (figures["num_cpus"], figures["num_nics"], figures["num_disks"]) == (1, 1, 1)
    screen = machine.site.exchange / "screen.png"
    machine.run(machine.guests.guest_screendump(guest.id, str(screen)))
    assert screen.read_bytes().startswith(b"\x89PNG")


def test_an_image_is_there_before_any_guest_needs_it(machine: Machine) -> None:
    (machine.around.images / "image").write_bytes(b"\x66" * (1 << 20))
    machine.run(machine.guests.image_cache("image"))
    assert (machine.site.images / "image.qcow2").exists()
    with pytest.raises(DriverError):
        machine.run(machine.guests.image_cache("nothing"))


def test_calls_about_an_unknown_guest_are_refused(machine: Machine) -> None:
    with pytest.raises(DriverError, match="not on this host"):
        machine.run(machine.guests.console_log("unknown"))
    assert machine.observe("guest") == {}


def test_purge_leaves_no_process_and_no_file(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    machine.apply(a_guest(disks=(attached(volume),)))
    paused = a_guest(power="paused")
    machine.apply(paused)
    machine.remove(paused)
    machine.remove(paused)
    for kind in ("guest", "volume_snapshot", "volume"):
        machine.run(machine.drivers[kind].purge())
    assert machine.processes() == []
    assert list(machine.state_dir.iterdir()) == []
