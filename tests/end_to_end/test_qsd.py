# SPDX-License-Identifier: Apache-2.0
"""Volumes and snapshots on a real qemu-storage-daemon."""

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

from machine_lab import BLANK, Machine, a_copy_of, a_machine, a_snapshot, a_volume, needs_qemu

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator.site import volume_socket
from cumulet.contracts.documents import VolumeDocument

pytestmark = needs_qemu
GIB = 1 << 30


@pytest.fixture
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        yield machine


def io(machine: Machine, volume: VolumeDocument, *commands: str) -> str:
    """What qemu-io says of reads and writes through the volume's socket, as a guest would do them."""
    uri = f"nbd+unix:///{volume.id}?socket={volume_socket(machine.state_dir, volume.id)}"
    words = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(["qemu-io", "-f", "raw", *words, uri], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def holds(path: Path, pattern: str, offset: str = "0") -> bool:
    read = ["qemu-io", "-r", "-f", "qcow2", "-c", f"read -P {pattern} {offset} 64k", str(path)]
    said = subprocess.run(read, capture_output=True, text=True, timeout=60)
    return said.returncode == 0 and "verification failed" not in said.stdout


def file_of(machine: Machine, volume: VolumeDocument) -> Path:
    return machine.volumes.path(volume.id)


def test_an_empty_volume_is_served_and_keeps_what_is_written(machine: Machine) -> None:
    volume = a_volume()
    state = machine.apply(volume)
    assert (state["size_gb"], state["exported"]) == (1, True)
    assert "wrote" in io(machine, volume, "write -P 0x11 0 64k")
    assert "failed" not in io(machine, volume, "read -P 0x11 0 64k")
    assert machine.apply(volume)["exported"] is True


def test_a_volume_that_is_no_longer_exported_has_no_daemon(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    state = machine.apply(msgspec.structs.replace(volume, exported=False))
    assert state["exported"] is False
    assert machine.processes() == []
    assert not volume_socket(machine.state_dir, volume.id).exists()


def test_the_daemon_runs_as_the_sites_user(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    pid = int((machine.site.volumes / f"{volume.id}.pid").read_text())
    assert os.stat(f"/proc/{pid}").st_uid == (machine.site.uid or os.geteuid())


def test_a_volume_grows_while_it_is_served_and_when_it_is_not(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    io(machine, volume, "write -P 0x22 0 64k")
    assert machine.apply(msgspec.structs.replace(volume, size_gb=2))["size_gb"] == 2
    assert f"{2 * GIB}" in io(machine, volume, "length") or "2 GiB" in io(machine, volume, "length")
    assert "failed" not in io(machine, volume, "read -P 0x22 0 64k")
    assert machine.apply(msgspec.structs.replace(volume, size_gb=3, exported=False))["size_gb"] == 3


def test_a_volume_never_shrinks(machine: Machine) -> None:
    volume = a_volume(size_gb=2, exported=False)
    machine.apply(volume)
    with pytest.raises(DriverError, match="cannot shrink"):
        machine.apply(msgspec.structs.replace(volume, size_gb=1))


def test_a_snapshot_of_a_volume_in_use_is_a_file_of_its_own(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    io(machine, volume, "write -P 0x33 0 64k")
    snapshot = a_snapshot(volume)
    assert machine.apply(snapshot)["size_gb"] == 1
    io(machine, volume, "write -P 0x44 0 64k")
    machine.apply(snapshot)
    copy = a_copy_of(snapshot_id=snapshot.id)
    machine.apply(copy)
    machine.remove(volume)
    machine.remove(snapshot)
    assert holds(file_of(machine, copy), "0x33")
    assert machine.observe("volume_snapshot") == {}


def test_a_volume_is_copied_from_another_one_and_may_be_larger(machine: Machine) -> None:
    source = a_volume()
    machine.apply(source)
    io(machine, source, "write -P 0x55 1M 64k")
    copy = msgspec.structs.replace(a_copy_of(volume_id=source.id), size_gb=2)
    assert machine.apply(copy)["size_gb"] == 2
    assert holds(file_of(machine, copy), "0x55", "1M")


def test_a_volume_is_filled_from_an_image_once(machine: Machine) -> None:
    image = machine.make_image("image", "10M")
    subprocess.run(["qemu-io", "-c", "write -P 0x66 0 64k", image], check=True, capture_output=True)
    volume = a_copy_of(image_id="image")
    machine.apply(volume)
    image.unlink()
    assert machine.apply(volume)["size_gb"] == 1
    assert holds(file_of(machine, volume), "0x66")


def test_an_image_that_is_too_large_leaves_no_volume(machine: Machine) -> None:
    machine.make_image("large", "2G")
    with pytest.raises(DriverError, match="too small"):
        machine.apply(a_copy_of(image_id="large"))
    assert machine.observe("volume") == {}


def test_an_image_that_refers_to_another_file_is_refused(machine: Machine) -> None:
    machine.make_image("sly", "1M", "-b", str(machine.folder / BLANK), "-F", "qcow2")
    with pytest.raises(DriverError, match="another file"):
        machine.apply(a_copy_of(image_id="sly"))
    assert list(machine.site.images.iterdir()) == []


def test_a_source_that_is_missing_is_named(machine: Machine) -> None:
    missing = str(uuid.uuid4())
    with pytest.raises(DriverError, match=f"Image {missing}"):
        machine.apply(a_copy_of(image_id=missing))
    with pytest.raises(DriverError, match=f"Snapshot {missing}"):
        machine.apply(a_copy_of(snapshot_id=missing))


def test_a_new_agent_takes_over_what_is_served(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    before = machine.processes()
    machine.kill_agent()
    assert machine.observe("volume")[volume.id]["exported"] is True
    machine.apply(msgspec.structs.replace(volume, size_gb=2))
    assert machine.processes() == before


def test_a_daemon_that_dies_is_replaced(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    io(machine, volume, "write -P 0x77 0 64k")
    os.kill(int((machine.site.volumes / f"{volume.id}.pid").read_text()), signal.SIGKILL)
    machine.apply(volume)
    assert "failed" not in io(machine, volume, "read -P 0x77 0 64k")


def test_remains_of_a_killed_agent_are_swept(machine: Machine) -> None:
    part = machine.site.volumes / f"{uuid.uuid4()}.part"
    part.write_text("half")
    machine.kill_agent()
    assert not part.exists()


def test_removing_twice_and_removing_nothing_is_fine(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    machine.remove(volume)
    machine.remove(volume)
    assert machine.observe("volume") == {}
    assert list(machine.site.volumes.iterdir()) == []


def test_a_volume_becomes_an_image_in_the_exchange_folder_only(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    io(machine, volume, "write -P 0x12 0 64k")
    target = machine.site.exchange / "image"
    made = machine.run(machine.volumes.volume_to_image(volume.id, str(target)))
    assert made["bytes"] == target.stat().st_size
    assert holds(target, "0x12")
    with pytest.raises(DriverError, match="exchange"):
        machine.run(machine.volumes.volume_to_image(volume.id, str(machine.folder / "image")))


def test_purge_leaves_no_process_and_no_file(machine: Machine) -> None:
    volume = a_volume()
    machine.apply(volume)
    machine.apply(a_snapshot(volume))
    for kind in ("guest", "volume_snapshot", "volume"):
        machine.run(machine.drivers[kind].purge())
    assert machine.processes() == []
    assert [path.name for path in machine.state_dir.iterdir()] == []
