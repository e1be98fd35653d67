# SPDX-License-Identifier: Apache-2.0
"""How guests of this host are run: by KVM where it works, else by translation (TCG).

`/dev/kvm` may exist and hang, or belong to somebody else, so KVM counts only after a guest has booted with
it: the firmware starts a boot sector that ends QEMU with a status of its own. What was found is kept until
the machine restarts.
"""

import asyncio
from pathlib import Path
from typing import Literal

import msgspec

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator import programs
from cumulet.agent.emulator.site import KVM, Site

Accelerator = Literal["kvm", "tcg"]

DEADLINE = 5.0
"""Seconds that the guest has; with KVM it takes a tenth of one."""

BOOT_SECTOR = (
    bytes.fromhex("baf400 b010 ee f4")  # mov dx, 0xf4; mov al, 0x10; out dx, al; hlt
).ljust(510, b"\0") + b"\x55\xaa"

BOOTED = "status 33"
"""The debug exit device turns the value v into the exit status 2v + 1."""

TRANSLATION_MB = 64
"""Memory for translated code; without a bound TCG takes half a gigabyte for a guest of 128 MB."""


class Finding(msgspec.Struct, frozen=True):
    """What a probe found in one boot of the machine."""

    boot_id: str
    accelerator: Accelerator


async def find_accelerator(site: Site) -> Accelerator:
    """The best accelerator that a guest has really booted with since the machine started."""
    remembered = site.state_dir / "accelerator.json"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        finding = msgspec.json.decode(remembered.read_bytes(), type=Finding)
    except (OSError, msgspec.MsgspecError):
        finding = None
    if finding is None or finding.boot_id != boot_id:
        finding = Finding(boot_id, "kvm" if KVM.exists() and await boots(site, "kvm") else "tcg")
        await asyncio.to_thread(remembered.write_bytes, msgspec.json.encode(finding))
    return finding.accelerator


async def boots(site: Site, accelerator: Accelerator, deadline: float = DEADLINE) -> bool:
    """Whether a guest with the accelerator gets as far as its boot sector in time."""
    disk = site.guests / f"probe-{accelerator}.img"
    await asyncio.to_thread(disk.write_bytes, BOOT_SECTOR)
    try:
        await programs.run(site.command(_command(accelerator, disk)), deadline=deadline)
    except DriverError as error:
        return BOOTED in str(error)
    finally:
        disk.unlink()
    return False


def _command(accelerator: Accelerator, disk: Path) -> list[str]:
    return [
        *("qemu-system-x86_64", "-accel", accelerator, "-machine", "pc", "-m", "16"),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=0x1"),
        *("-drive", f"file={disk},format=raw,if=floppy,read-only=on"),
    ]


def accelerator_arguments(accelerator: Accelerator) -> list[str]:
    if accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", f"tcg,tb-size={TRANSLATION_MB}", "-cpu", "max"]
