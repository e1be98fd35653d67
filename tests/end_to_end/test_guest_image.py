# SPDX-License-Identifier: Apache-2.0
"""The guest image is built from Debian packages and started for real, in QEMU without hardware help."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cumulet.guest_image import BuildError, BuiltImage, build, host
from cumulet.lib.units import MIB

PROGRAMS = ("qemu-system-x86_64", "ssh", "ssh-keygen", "genisoimage", *host.DEBIAN_PACKAGE_OF)
MISSING = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

SERVER_ID = "83679162-1378-4288-a2d4-70e13ec132aa"
USER_DATA = "#!/bin/sh\nset -o pipefail\necho user data ran on $(hostname) >/dev/console\n"


@dataclass(frozen=True)
class Guest:
    """A running guest, and how to get in."""

    process: subprocess.Popen[bytes]
    console: Path
    key: Path
    port: int
    seconds_to_ssh: float

    def monitor(self, command: str) -> None:
        """QEMU does what its monitor is told."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.console.with_name("monitor")))
            monitor.sendall(f"{command}\n".encode())
            monitor.shutdown(socket.SHUT_WR)
            while monitor.recv(4096):
                pass

    def run(self, command: str) -> str:
        """What a command wrote in the guest."""
        done = ssh(self.key, self.port, command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def ssh(key: Path, port: int, command: str) -> subprocess.CompletedProcess[str]:
    options = (
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "ConnectTimeout=5",
        "LogLevel=ERROR",
    )
    words = ["ssh", "-i", key, "-p", str(port), "-o", "BatchMode=yes", *(f"-o{option}" for option in options)]
    return subprocess.run([*words, "cirros@127.0.0.1", command], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    scratch = tmp_path_factory.mktemp("guest-image")
    cache = Path(os.environ.get("CUMULET_CACHE") or scratch)
    return build(scratch / "guest.qcow2", cache / "packages", lambda doing, share: None)


@pytest.fixture(scope="session")
def guest(image: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    scratch = tmp_path_factory.mktemp("guest")
    key, disk, console = scratch / "key", scratch / "disk.qcow2", scratch / "console"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    make_disk = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image.path, disk, "1G"]
    subprocess.run(make_disk, check=True)
    drive = config_drive(scratch, key.with_suffix(".pub").read_text())
    port = free_port()
    begin = time.monotonic()
    process = subprocess.Popen(qemu(disk, drive, console, scratch / "monitor", port))
    try:
        while ssh(key, port, "true").returncode != 0:
            assert time.monotonic() - begin < 90, console.read_text(errors="replace")
            time.sleep(0.1)
        yield Guest(process, console, key, port, time.monotonic() - begin)
    finally:
        process.kill()
        process.wait()


def config_drive(scratch: Path, public_key: str) -> Path:
    folder = scratch / "drive/openstack/latest"
    folder.mkdir(parents=True)
    metadata = {"uuid": SERVER_ID, "hostname": "guest.novalocal", "public_keys": {"mine": public_key}}
    (folder / "meta_data.json").write_text(json.dumps(metadata))
    (folder / "user_data").write_text(USER_DATA)
    drive = scratch / "drive.iso"
    make = ["genisoimage", "-quiet", "-V", "config-2", "-J", "-r", "-o", drive, scratch / "drive"]
    subprocess.run(make, check=True)
    return drive


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def qemu(disk: Path, drive: Path, console: Path, monitor: Path, port: int) -> list[str]:
    return [
        *("qemu-system-x86_64", "-accel", "tcg,tb-size=64", "-m", "128", "-nodefaults", "-display", "none"),
        *("-drive", f"file={disk},format=qcow2,if=virtio"),
        *("-drive", f"file={drive},format=raw,if=virtio,readonly=on"),
        *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=net"),
        *("-serial", f"file:{console}", "-monitor", f"unix:{monitor},server,nowait"),
    ]


def test_the_image_is_small_and_quickly_built(image: BuiltImage) -> None:
    assert image.size < 40 * MIB
    assert image.seconds < 60
    assert {"bash", "busybox", "dropbear-bin"} <= image.packages.keys()


def test_a_missing_program_of_the_host_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(host.DEBIAN_PACKAGE_OF, "no-such-program", "no-such-package")
    with pytest.raises(BuildError, match="apt install no-such-package"):
        host.check()


def test_ssh_is_there_soon_after_power_on(guest: Guest) -> None:
    assert guest.seconds_to_ssh < 30
    assert float(guest.run("cut -d' ' -f1 /proc/uptime")) > 0


def test_the_config_drive_gives_name_key_and_user_data(guest: Guest) -> None:
    assert guest.run("hostname") == "guest"
    assert guest.run("cat /run/cirros/instance") == SERVER_ID
    wait_for(guest, "user data ran on guest")


def test_the_console_shows_a_login_prompt(guest: Guest) -> None:
    wait_for(guest, "login as 'cirros' user. default password: 'gocubsgo'")
    wait_for(guest, "guest login:")


def test_sudo_needs_no_password(guest: Guest) -> None:
    assert guest.run("sudo -n id -u") == "0"
    guest.run("sudo sh -c 'echo hello >/dev/console'")


def test_the_root_file_system_grows_to_the_disk(guest: Guest) -> None:
    guest.run("sudo cirros-wait 100 /run/cirros/resize.log; sync")
    assert int(guest.run("df -m / | awk 'NR==2 {print $2}'")) > 900


def test_the_guest_has_ipv4_and_ipv6_addresses(guest: Guest) -> None:
    assert "eth0    inet 10.0.2.15/24" in guest.run("ip -o addr")
    assert "inet6 fe80::" in guest.run("ip -o addr")
    guest.run("ping -c1 -w2 10.0.2.2 && ping6 -c1 -w2 ::1")


@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("protocol", ["", "-u"])
def test_nc_serves_a_command_again_and_again(guest: Guest, protocol: str, family: str) -> None:
    guest.run(f"sudo nc {protocol} -p 8080 -lk -e echo foolish >/dev/null 2>&1 & sleep 1; pidof nc")
    ask = f"echo bar | nc -w 1 {protocol} {family} 8080"
    assert guest.run(f"{ask}; {ask}; sudo killall nc") == "foolish\nfoolish"


def test_the_tools_that_suites_call_are_there(guest: Guest) -> None:
    guest.run("sh -c 'set -o pipefail; ! (false | true)'")
    guest.run(
        "curl --version && for tool in udhcpc lsblk blkid mount dd sync /bin/kill; do which $tool; done"
    )
    guest.run("dd if=/dev/zero of=/tmp/disk bs=1M count=8 && sudo mkfs -t ext4 -q /tmp/disk")
    guest.run("sudo mount -o loop /tmp/disk /mnt && sudo umount /mnt && sudo modprobe vfat")
    assert "vdb" in guest.run("lsblk -lb --nodeps")
    assert "ext4" in guest.run("sudo blkid /dev/vda1")


def test_disks_and_interfaces_can_be_plugged_in(guest: Guest) -> None:
    disk = guest.console.with_name("data.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    guest.monitor(f"drive_add 0 if=none,id=data,file={disk}")
    guest.monitor("device_add virtio-blk-pci,drive=data,id=plugged")
    guest.monitor("netdev_add user,id=second,net=10.9.0.0/24")
    guest.monitor("device_add virtio-net-pci,netdev=second,id=card")
    guest.run("sudo cirros-wait 100 /dev/vdc /sys/class/net/eth1 && sudo cirros-dhcpc up eth1")
    assert "eth1    inet 10.9.0.15/24" in guest.run("ip -o addr")
    assert guest.run("ip route | head -1") == "default via 10.0.2.2 dev eth0"
    guest.run("sudo mkfs -t ext4 -q /dev/vdc && sudo mount /dev/vdc /mnt && sudo umount /mnt")


def test_the_power_button_shuts_the_guest_down(guest: Guest) -> None:
    guest.monitor("system_powerdown")
    assert guest.process.wait(timeout=30) == 0


def wait_for(guest: Guest, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in guest.console.read_text(errors="replace"):
        assert time.monotonic() < deadline, f"{text!r} is not on the console"
        time.sleep(0.2)
