# SPDX-License-Identifier: Apache-2.0
import shutil
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.lib.image_format import ImageFormatError, Inspection, Inspector
from cumulet.lib.image_headers import HEAD
from cumulet.lib.units import MIB

needs_qemu_img = pytest.mark.skipif(not shutil.which("qemu-img"), reason="needs qemu-img")


def inspect(content: bytes, chunk: int = 64 << 10) -> Inspection:
    inspector = Inspector()
    for start in range(0, len(content), chunk):
        inspector.feed(content[start : start + chunk])
    return inspector.result()


def codes(content: bytes) -> set[str]:
    return {finding.code for finding in inspect(content).findings}


# -- images made here ---------------------------------------------------------------------------------


def qcow2(version: int = 3, backing: int = 0, incompatible: int = 0, extension: bytes = b"") -> bytes:
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", version, backing, 8, 16, 5 * MIB, 0, 1, 0, 0, 1, 0, 0)
    if version == 3:
        header += struct.pack(">QQQII", incompatible, 0, 0, 4, 104)
    return (header + extension).ljust(256 << 10, b"\0")


def vmdk(
    descriptor: str, capacity: int = 2048, descriptor_sector: int = 1, footer: bytes | None = None
) -> bytes:
    directory = (1 << 64) - 1 if footer is not None else 0
    text = descriptor.encode().ljust(20 * 512, b"\0")
    fields = (b"KDMV", 1, 3, capacity, 128, descriptor_sector, 20, 512, 0, directory)
    header = struct.pack("<4sIIQQQQIQQ", *fields).ljust(512, b"\0")
    body = header.ljust(descriptor_sector * 512, b"\0") + text
    return body.ljust(len(body) + (64 << 10), b"\0") + (footer or b"")


def descriptor(
    create_type: str = "monolithicSparse", extent: str = 'RW 2048 SPARSE "disk.vmdk"', more: str = ""
) -> str:
    head = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff"
    return f'{head}\ncreateType="{create_type}"\n{extent}\n{more}\n'


def vhd_footer(kind: int) -> bytes:
    return struct.pack(">8s40xQ4xI", b"conectix", 3 * MIB, kind).ljust(512, b"\0")


def iso() -> bytes:
    return (bytes(0x8001) + b"CD001").ljust(128 << 10, b"\0")


def mbr(kind: int = 0x83) -> bytes:
    entry = bytes([0x80, 0, 0, 0, kind]).ljust(16, b"\0")
    return (bytes(446) + entry + bytes(48) + b"\x55\xaa").ljust(MIB, b"\0")


def vdi(kind: int = 1, parent: bytes = b"") -> bytes:
    head = bytearray(1 << 10)
    struct.pack_into("<II", head, 0x40, 0xBEDA107F, 0x10001)
    struct.pack_into("<I", head, 0x4C, kind)
    struct.pack_into("<Q", head, 0x170, 7 * MIB)
    head[0x1B8 : 0x1B8 + len(parent)] = parent
    return bytes(head)


# -- formats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "virtual_size"),
    [
        (b"", "raw", 0),
        (b"hello", "raw", 5),
        (qcow2(), "qcow2", 5 * MIB),
        (qcow2(version=2), "qcow2", 5 * MIB),
        (vmdk(descriptor()), "vmdk", MIB),
        (vmdk(descriptor("streamOptimized")), "vmdk", MIB),
        (vmdk(descriptor(), descriptor_sector=3000), "vmdk", MIB),
        (vhd_footer(3) + bytes(4096), "vhd", 3 * MIB),
        (bytes(MIB) + vhd_footer(2), "vhd", 3 * MIB),
        (mbr() + vhd_footer(2), "vhd", 3 * MIB),
        (vdi(), "vdi", 7 * MIB),
        (iso(), "iso", 128 << 10),
        (mbr(), "mbr", MIB),
        (mbr(0xEE)[:512] + b"EFI PART" + bytes(512), "gpt", 1032),
        (b"LUKS\xba\xbe\0\1" + bytes(96) + struct.pack(">I", 2) + bytes(916 + 4096), "luks", 4096),
        (b"\xeb\x3c" + b"\xff" * 508 + b"\x55\xaa", "raw", 512),
    ],
)
def test_a_sound_image_is_recognised(content: bytes, name: str, virtual_size: int) -> None:
    for chunk in (1000, 64 << 10, 4 * MIB):
        assert inspect(content, chunk) == Inspection(name, virtual_size, ())


@needs_qemu_img
@pytest.mark.parametrize(
    ("made", "options", "name"),
    [
        ("raw", "", "raw"),
        ("qcow2", "", "qcow2"),
        ("qcow2", "compat=0.10", "qcow2"),
        ("qcow2", "extended_l2=on,compression_type=zstd", "qcow2"),
        ("qcow", "", "qcow"),
        ("qed", "", "qed"),
        ("vmdk", "", "vmdk"),
        ("vmdk", "subformat=streamOptimized", "vmdk"),
        ("vpc", "", "vhd"),
        ("vpc", "subformat=fixed,force_size=on", "vhd"),
        ("vhdx", "", "vhdx"),
        ("vhdx", "subformat=fixed", "vhdx"),
        ("vdi", "", "vdi"),
    ],
)
def test_what_qemu_img_makes_is_recognised_and_safe(
    made: str, options: str, name: str, tmp_path: Path
) -> None:
    image = tmp_path / "image"
    more = ["-o", options] if options else []
    subprocess.run(["qemu-img", "create", "-q", "-f", made, *more, image, "8M"], check=True)
    inspection = inspect(image.read_bytes())
    assert (inspection.format, inspection.findings) == (name, ())
    size = inspection.virtual_size or 0
    assert 8 * MIB <= size < 8 * MIB + 2**19, "VPC rounds to its cylinders"
    inspection.require({"qcow": "qcow", "vpc": "vpc"}.get(made, name))


@needs_qemu_img
def test_a_qcow2_with_an_external_data_file_is_not_safe(tmp_path: Path) -> None:
    image = tmp_path / "image"
    option = f"data_file={tmp_path}/outside,data_file_raw=on"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", option, image, "8M"], check=True)
    assert codes(image.read_bytes()) == {"data-file"}


@needs_qemu_img
@pytest.mark.parametrize("subformat", ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
def test_a_vmdk_of_several_files_is_not_safe(subformat: str, tmp_path: Path) -> None:
    image = tmp_path / "image.vmdk"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "vmdk", "-o", f"subformat={subformat}", image, "8M"], check=True
    )
    inspection = inspect(image.read_bytes())
    assert inspection.format == "vmdk"
    assert {finding.code for finding in inspection.findings} == {"outside-extent"}


# -- findings -----------------------------------------------------------------------------------------

QCOW1 = struct.pack(">4sIQIIQ", b"QFI\xfb", 1, 100, 8, 0, MIB) + bytes(64)
OTHER_FOOTER = bytes(512) + vmdk(descriptor("streamOptimized"), capacity=0)[:512] + bytes(512)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (qcow2(backing=200), {"backing-file"}),
        (qcow2(version=2, backing=200), {"backing-file"}),
        (QCOW1, {"backing-file"}),
        (qcow2(incompatible=0b100), {"data-file"}),
        (qcow2(extension=struct.pack(">II8s", 0x44415441, 5, b"/etc/")), {"data-file"}),
        (qcow2(extension=struct.pack(">II8sII", 0x6803F857, 8, b"", 0x44415441, 5)), {"data-file"}),
        (qcow2(incompatible=1 << 5), {"unknown-feature"}),
        (qcow2(incompatible=1 << 63 | 0b100), {"unknown-feature", "data-file"}),
        (qcow2(incompatible=0b11011), set()),
        (qcow2(version=4), {"malformed"}),
        (qcow2()[:30], {"malformed"}),
        (vmdk(descriptor(extent='RW 2048 FLAT "/etc/passwd" 0')), {"outside-extent"}),
        (vmdk(descriptor(extent='RW 2048 SPARSE "/etc/passwd"')), {"outside-extent"}),
        (vmdk(descriptor(extent='RW 9 SPARSE "a.vmdk"\n  RW 9 FLAT "b" 0')), {"outside-extent"}),
        (vmdk(descriptor("monolithicFlat")), {"outside-extent"}),
        (vmdk(descriptor("twoGbMaxExtentSparse", more='createType="monolithicSparse"')), {"outside-extent"}),
        (vmdk(descriptor(more='parentFileNameHint="/etc/passwd"')), {"parent"}),
        (vmdk(descriptor().replace("ffffffff", "12345678")), {"parent"}),
        (vmdk(descriptor(), capacity=0), {"malformed"}),
        (vmdk(descriptor(), descriptor_sector=0), {"malformed"}),
        (vmdk("")[:512], {"malformed"}),
        (vmdk(descriptor("streamOptimized"), footer=bytes(1536)), {"footer"}),
        (vmdk(descriptor("streamOptimized"), footer=OTHER_FOOTER), {"footer"}),
        (descriptor().encode(), {"outside-extent"}),
        (b"# a comment\n\nversion=1\n", {"outside-extent"}),
        (vhd_footer(4), {"parent"}),
        (b"conectix", {"malformed"}),
        (vdi(kind=4), {"parent"}),
        (vdi(parent=b"someone's"), {"parent"}),
        (b"vhdxfile" + bytes(HEAD), {"malformed"}),
        (b"LUKS\xba\xbe\0\7" + bytes(600), {"malformed"}),
    ],
)
def test_an_unsafe_image_is_found_out(content: bytes, found: set[str]) -> None:
    assert codes(content) == found


def test_a_footer_that_repeats_its_header_is_safe() -> None:
    plain = vmdk(descriptor("streamOptimized"), footer=b"")
    image = plain + bytes(512) + plain[:512] + bytes(512)
    assert inspect(image) == Inspection("vmdk", MIB, ())


def test_an_image_of_two_formats_is_not_safe() -> None:
    both = qcow2()[:0x8001] + iso()[0x8001:]
    assert "ambiguous" in codes(both)
    assert "ambiguous" in codes(qcow2() + vhd_footer(2))


# -- what is declared ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (mbr(), "raw"),
        (b"plain", "raw"),
        (b"plain", "aki"),
        (iso(), "iso"),
        (qcow2(), "qcow2"),
        (vhd_footer(3), "vpc"),
    ],
)
def test_an_honest_image_is_accepted(content: bytes, declared: str) -> None:
    inspect(content).require(declared)


@pytest.mark.parametrize(
    ("content", "declared"),
    [(qcow2(), "raw"), (iso(), "raw"), (b"plain", "qcow2"), (vmdk(descriptor()), "qcow2"), (qcow2(), "ami")],
)
def test_an_image_that_lies_about_its_format_is_refused(content: bytes, declared: str) -> None:
    with pytest.raises(ImageFormatError, match=f"declared as {declared}, but its content is"):
        inspect(content).require(declared)


def test_an_unsafe_image_is_refused_with_its_reasons() -> None:
    with pytest.raises(ImageFormatError, match="not safe to use: it names a backing file"):
        inspect(qcow2(backing=200)).require("qcow2")


def test_a_lie_is_known_after_the_head() -> None:
    inspector = Inspector()
    inspector.feed(qcow2().ljust(HEAD, b"\0"))
    assert not inspector.result().agrees_with("raw")


# -- any bytes ----------------------------------------------------------------------------------------

BEGINNINGS = [
    qcow2(),
    QCOW1,
    vmdk(descriptor()),
    vhd_footer(3),
    vdi(),
    iso(),
    mbr(),
    b"vhdxfile",
    b"QED\0",
    b"LUKS\xba\xbe\0\1",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", *BEGINNINGS]),
    st.integers(0, 70_000),
    st.lists(st.tuples(st.integers(0, 1100), st.binary(min_size=1, max_size=16)), max_size=6),
    st.binary(max_size=64),
    st.integers(1, 90_000),
)
def test_any_bytes_are_inspected_without_an_error(
    beginning: bytes, length: int, changes: list[tuple[int, bytes]], end: bytes, chunk: int
) -> None:
    content = bytearray(beginning[:length])
    for offset, patch in changes:
        content[offset : offset + len(patch)] = patch
    inspection = inspect(bytes(content + end), chunk)
    assert inspection == inspect(bytes(content + end), 1 << 20)
    assert inspection.virtual_size is None or inspection.virtual_size >= 0


def vhdx_head(metadata: int, count: int) -> bytes:
    entry = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e") + struct.pack("<QII", metadata, MIB, 1)
    table = b"regi" + struct.pack("<III", 0, count, 0) + entry
    return (b"vhdxfile".ljust(192 << 10, b"\0") + table).ljust(HEAD, b"\0")


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**64 - 1) | st.integers(0, 2 * MIB), st.integers(0, 2**32 - 1), st.binary(max_size=4096)
)
def test_a_vhdx_may_point_anywhere(metadata: int, count: int, end: bytes) -> None:
    inspection = inspect(vhdx_head(metadata, count) + bytes(MIB) + end)
    assert inspection.format == "vhdx"
    assert {finding.code for finding in inspection.findings} == {"malformed"}


def test_memory_does_not_grow_with_the_image() -> None:
    inspector = Inspector()
    inspector.feed(vmdk(descriptor(), descriptor_sector=5000)[:512])
    chunk = bytes(MIB)
    tracemalloc.start()
    try:
        for _ in range(200):
            inspector.feed(chunk)
        inspector.result()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB
