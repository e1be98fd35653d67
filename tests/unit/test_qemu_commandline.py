# SPDX-License-Identifier: Apache-2.0
"""What QEMU is told, as a function of the document."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu.commandline import Launch, command_line
from cumulet.agent.drivers.qemu.config_drive import write_config_drive
from cumulet.agent.drivers.qemu.console import LONGEST, console_tail, cut_console
from cumulet.agent.drivers.qemu.devices import NIC_SLOTS, assign_slots, free_slot
from cumulet.agent.drivers.qemu.disks import swap_header
from cumulet.agent.drivers.qemu.folder import Folder, Record
from cumulet.agent.drivers.qemu.rescue import check_rescue
from cumulet.agent.emulator import programs
from cumulet.agent.emulator.site import LONGEST_STATE_DIR, Site, volume_socket
from cumulet.contracts.documents import GuestDisk, GuestDocument, GuestNic, GuestRescue

GUEST = "11111111-2222-3333-4444-555555555555"


def a_guest(**settings: Any) -> GuestDocument:
    defaults: dict[str, Any] = {"id": GUEST, "name": "g", "hostname": "g", "vcpus": 2, "memory_mb": 512}
    return GuestDocument(**defaults | {"image_id": "image"} | settings)


def a_command(document: GuestDocument, **settings: Any) -> list[str]:
    defaults: dict[str, Any] = {
        "document": document,
        "slots": assign_slots(document),
        "folder": Folder(Path("/state/guests") / document.id),
        "state_dir": Path("/state"),
        "accelerator": "tcg",
    }
    return command_line(Launch(**defaults | settings))


def values(command: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(command) if word == option]


def device(command: list[str], device_id: str) -> dict[str, Any]:
    described = [json.loads(value) for value in values(command, "-device") if value.startswith("{")]
    return next(device for device in described if device["id"] == device_id)


def test_size_identity_and_accelerator_are_told() -> None:
    command = a_command(a_guest())
    assert values(command, "-smp") == ["2"]
    assert values(command, "-m") == ["512M"]
    assert values(command, "-uuid") == [GUEST]
    assert "product=OpenStack Nova" in values(command, "-smbios")[0]
    assert "tb-size" in values(command, "-accel")[0]
    assert values(a_command(a_guest(), accelerator="kvm"), "-cpu") == ["host"]


def test_disks_take_slots_in_the_order_of_their_names() -> None:
    volumes = [GuestDisk(volume_id=name, device=f"/dev/vd{name}") for name in ("c", "aa", "b")]
    slots = assign_slots(a_guest(disks=tuple(volumes), ephemeral_gb=1, swap_mb=64))
    assert sorted(slots, key=lambda name: slots[name]) == [
        "root",
        "ephemeral",
        "swap",
        "disk-b",
        "disk-c",
        "disk-aa",
    ]


def test_the_volume_with_boot_index_zero_comes_first_and_boots() -> None:
    disks = (
        GuestDisk(volume_id="data", device="/dev/vda", boot_index=-1),
        GuestDisk(volume_id="boot", device="/dev/vdb", boot_index=0),
    )
    document = a_guest(image_id=None, disks=disks)
    slots = assign_slots(document)
    assert slots["disk-boot"] < slots["disk-data"]
    command = a_command(document)
    assert device(command, "disk-boot")["bootindex"] == 0
    assert "bootindex" not in device(command, "disk-data")


def test_a_volume_is_reached_by_its_socket() -> None:
    command = a_command(a_guest(disks=(GuestDisk(volume_id="v", device="/dev/vdb", serial="s"),)))
    node = next(json.loads(value) for value in values(command, "-blockdev") if '"nbd"' in value)
    assert node["server"]["path"] == str(volume_socket(Path("/state"), "v"))
    assert node["export"] == "v"
    assert device(command, "disk-v")["serial"] == "s"


def test_a_nic_gets_the_open_file_of_its_tap_or_a_network_of_its_own() -> None:
    document = a_guest(nics=(GuestNic(port_id="p", mac_address="fa:16:3e:00:00:01", mtu=1450),))
    assert values(a_command(document, taps={"p": 7}), "-netdev") == ["tap,id=net-p,fd=7"]
    assert values(a_command(document), "-netdev") == ["user,id=net-p,restrict=on"]
    assert device(a_command(document), "nic-p")["host_mtu"] == 1450


def test_properties_of_image_and_flavor_are_understood() -> None:
    machine = {"hw_vif_model": "e1000", "hw:cpu_cores": "2", "hw_video_model": "none"}
    nic = GuestNic(port_id="p", mac_address="fa:16:3e:00:00:01")
    command = a_command(a_guest(machine=machine, nics=(nic,)))
    assert values(command, "-smp") == ["2,sockets=1,cores=2,threads=1"]
    assert device(command, "nic-p")["driver"] == "e1000"
    assert not any("VGA" in value for value in values(command, "-device"))


def test_a_comma_in_a_path_is_doubled() -> None:
    folder = Folder(Path("/a,b") / GUEST)
    assert values(a_command(a_guest(), folder=folder), "-qmp")[0].startswith("unix:/a,,b/")


def test_a_guest_is_full_at_some_point() -> None:
    with pytest.raises(DriverError, match=f"room for {len(NIC_SLOTS)}"):
        free_slot("disk-one-more", NIC_SLOTS)
    assert free_slot("nic-p", NIC_SLOTS[:5]) == NIC_SLOTS[5]


def test_the_config_drive_holds_its_files_under_their_names(tmp_path: Path) -> None:
    files = {"openstack/latest/meta_data.json": "e30=", "openstack/content/0000": "AAEC", "ec2/x": ""}
    write_config_drive(tmp_path / "config", files)
    iso = pycdlib.PyCdlib()
    iso.open(str(tmp_path / "config"))
    for option in ("joliet_path", "rr_path"):
        body = io.BytesIO()
        iso.get_file_from_iso_fp(body, **{option: "/openstack/latest/meta_data.json"})
        assert body.getvalue() == b"{}"
    assert iso.pvd.volume_identifier.strip() == b"config-2"
    iso.close()


def test_a_swap_area_has_its_signature() -> None:
    header = swap_header(16 << 20)
    assert (len(header), header[-10:]) == (4096, b"SWAPSPACE2")
    assert int.from_bytes(header[1028:1032], "little") == 4095


def test_a_console_log_is_read_from_its_end_and_kept_short(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert console_tail(folder, 5) == ""
    folder.console.write_bytes(b"one\r\ntwo\r\n")
    assert console_tail(folder, 1) == "two\n"
    assert console_tail(folder, None) == "one\ntwo\n"
    assert console_tail(folder, 0) == ""
    folder.console.write_bytes(b"x" * LONGEST + b"\nlast\n")
    cut_console(folder)
    assert folder.console.stat().st_size == 0
    assert console_tail(folder, 1) == "last\n"


def test_a_record_survives_and_is_private(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.load() is None
    record = Record(document=a_guest(), slots={"root": 10}, reboots=2)
    folder.save(record)
    assert folder.load() == record
    assert folder.record.stat().st_mode & 0o777 == 0o600


def test_what_a_program_says_becomes_a_sentence() -> None:
    assert (
        str(programs.failure("qemu-img", 1, "x: No space left on device")) == "The disk of the host is full."
    )
    busy = programs.failure("qemu-img", 1, 'qemu-img: Failed to get "write" lock\n')
    assert busy.retry
    assert str(busy) == 'qemu-img failed: Failed to get "write" lock'
    assert "status 33" in str(programs.failure("qemu-img", 33, ""))


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DriverError, match="has no qemu-img: install qemu-utils"):
        programs.require("qemu-img")


def test_a_state_directory_that_is_too_long_is_refused() -> None:
    site = Site(Path("/" + "x" * LONGEST_STATE_DIR))
    with pytest.raises(DriverError, match="too long"):
        site.prepare(site.guests)


def boot_order(command: list[str]) -> list[str]:
    """The disks in the order of their slots, the one that is booted from in capitals."""
    described = [json.loads(value) for value in values(command, "-device") if value.startswith("{")]
    found = sorted((disk for disk in described if "drive" in disk), key=lambda disk: disk.get("addr", ""))
    return [disk["id"].upper() if "bootindex" in disk else disk["id"] for disk in found]


def test_a_rescued_guest_boots_from_the_rescue_disk_with_its_own_beside_it() -> None:
    rescue = GuestRescue(image_id="image", count=3)
    command = a_command(a_guest(rescue=rescue))
    assert boot_order(command) == ["RESCUE", "root"]
    assert any("rescue-3.qcow2" in value for value in values(command, "-blockdev"))
    volume = GuestDisk(volume_id="v", device="/dev/vdb")
    stable = GuestRescue(image_id="image", count=3, stable=True)
    assert boot_order(a_command(a_guest(rescue=stable, disks=(volume,)))) == ["root", "disk-v", "RESCUE"]


@pytest.mark.parametrize(
    ("bus", "kind", "driver", "on"),
    [
        ("scsi", "disk", "scsi-hd", "rescue-bus.0"),
        ("scsi", "cdrom", "scsi-cd", "rescue-bus.0"),
        ("sata", "disk", "ide-hd", "rescue-bus.0"),
        ("ide", "cdrom", "ide-cd", None),
        ("usb", "disk", "usb-storage", "rescue-bus.0"),
    ],
)
def test_a_rescue_disk_is_on_the_bus_that_its_image_wants(
    bus: str, kind: str, driver: str, on: str | None
) -> None:
    rescue = GuestRescue(image_id="image", count=1, stable=True, bus=bus, device=kind)
    command = a_command(a_guest(rescue=rescue))
    disk = device(command, "rescue")
    assert (disk["driver"], disk.get("bus"), disk["bootindex"]) == (driver, on, 0)


@pytest.mark.parametrize(("bus", "kind"), [("xen", "disk"), ("usb", "cdrom"), ("fdc", "floppy")])
def test_a_rescue_disk_that_no_guest_can_have_is_refused(bus: str, kind: str) -> None:
    with pytest.raises(DriverError, match="is not supported"):
        check_rescue(GuestRescue(image_id="image", count=1, bus=bus, device=kind))
