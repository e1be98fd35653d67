# SPDX-License-Identifier: Apache-2.0
"""What the headers of disk image formats say: one pair of functions a format, and the table of them.

Each format has a function that recognises it and one that examines it. They see what an Inspector keeps of
the stream: its head, its tail, its length, and one window further in for the formats that ask for it. The
sources are the public specifications: qcow2 (docs/interop/qcow2.rst of QEMU), VMware's "Virtual Disk Format
5.0", Microsoft's VHD and VHDX (MS-VHDX), VirtualBox's VDI header, LUKS 1, ECMA-119 and UEFI.

A finding is a reason not to hand the image to a program that follows its header. Formats can name other
files (a backing file, an extent, a parent), and whoever opens such an image on a host reads these files for
the user who uploaded it: CVE-2015-5163, CVE-2024-32498 and their kin.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HEAD = 512 << 10
"""Bytes kept of the beginning: room for every fixed header, and VMDK descriptors where tools put them."""
TAIL = 1536
"""Bytes kept of the end: VHD's footer is the last sector, VMDK's the second of the last three."""
WINDOW = 192 << 10
"""The most bytes kept of a place further in: VHDX's metadata table and the items behind it."""


class ImageFormatError(ValueError):
    """An image is not what it is said to be, or must not be opened; the message is for its owner."""


@dataclass(frozen=True)
class Finding:
    """One reason not to trust an image: a code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Facts:
    """What a format's header tells; no virtual size when the header does not say."""

    virtual_size: int | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What was kept of a stream: its first bytes, its last ones, and those at `window_start`."""

    size: int
    head: bytes
    tail: bytes
    window_start: int = 0
    window: bytes = b""

    def field(self, form: str, offset: int) -> Any:
        """One value at an offset of the stream, by a struct format; ImageFormatError when it is not there."""
        for start, kept in ((0, self.head), (self.window_start, self.window)):
            inside = offset - start
            if inside >= 0 and inside + struct.calcsize(form) <= len(kept):
                (value,) = struct.unpack_from(form, kept, inside)
                return value
        raise ImageFormatError(f"what should be at byte {offset} is missing")

    def span(self, offset: int, length: int) -> bytes:
        """Bytes at an offset of the stream; ImageFormatError when they are not all there."""
        return bytes(self.field(f"{length}s", offset))


@dataclass(frozen=True)
class Format:
    """One image format."""

    name: str
    recognise: Callable[[Seen], bool]
    examine: Callable[[Seen], Facts]
    window: Callable[[Seen], int | None] = lambda seen: None
    """Where the examination needs a window beyond the head, if it does; asked once the head is complete."""


def _magic(magic: bytes, offset: int = 0) -> Callable[[Seen], bool]:
    return lambda seen: seen.head[offset : offset + len(magic)] == magic


def _size_of_stream(seen: Seen) -> Facts:
    return Facts(seen.size)


def _nothing(seen: Seen) -> Facts:
    return Facts(None)


def _kept(*findings: Finding | bool | None) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if isinstance(finding, Finding))


# -- qcow, qcow2, qed ---------------------------------------------------------------------------------

_QCOW2_KNOWN_INCOMPATIBLE = 0b11111
"""Dirty, corrupt, external data file, compression type, extended L2 entries."""
_QCOW2_DATA_FILE_BIT = 0b100
_QCOW2_DATA_FILE_EXTENSION = 0x44415441

_BACKING = Finding("backing-file", "it names a backing file")
_DATA_FILE = Finding("data-file", "it names an external data file")


def _is_qcow(seen: Seen) -> bool:
    return seen.head[:8] == b"QFI\xfb\0\0\0\1"


def _is_qcow2(seen: Seen) -> bool:
    return seen.head[:4] == b"QFI\xfb" and not _is_qcow(seen)


def _examine_qcow(seen: Seen) -> Facts:
    return Facts(seen.field(">Q", 24), _kept(seen.field(">Q", 8) != 0 and _BACKING))


def _examine_qcow2(seen: Seen) -> Facts:
    version = seen.field(">I", 4)
    cluster_bits = seen.field(">I", 20)
    if version not in (2, 3) or not 9 <= cluster_bits <= 21:
        raise ImageFormatError(f"its version is {version} and its clusters have 2^{cluster_bits} bytes")
    features = seen.field(">Q", 72) if version == 3 else 0
    header_length = seen.field(">I", 100) if version == 3 else 72
    if version == 3 and not 104 <= header_length <= 1 << cluster_bits:
        raise ImageFormatError(f"its header has {header_length} bytes")
    unknown = features & ~_QCOW2_KNOWN_INCOMPATIBLE
    data_file = features & _QCOW2_DATA_FILE_BIT or _has_data_file_extension(
        seen, header_length, 1 << cluster_bits
    )
    findings = _kept(
        seen.field(">Q", 8) != 0 and _BACKING,
        bool(data_file) and _DATA_FILE,
        bool(unknown) and Finding("unknown-feature", f"it uses unknown features (bits {unknown:#x})"),
    )
    return Facts(seen.field(">Q", 24), findings)


def _has_data_file_extension(seen: Seen, offset: int, cluster: int) -> bool:
    """Whether one of the header extensions, which end at a zero or with the first cluster, names a file."""
    while offset + 8 <= min(cluster, len(seen.head)):
        kind, length = seen.field(">I", offset), seen.field(">I", offset + 4)
        if kind == _QCOW2_DATA_FILE_EXTENSION:
            return True
        if kind == 0:
            return False
        offset += 8 + -(-length // 8) * 8
    return False


def _examine_qed(seen: Seen) -> Facts:
    return Facts(seen.field("<Q", 48), _kept(bool(seen.field("<Q", 16) & 1) and _BACKING))


# -- VMDK ---------------------------------------------------------------------------------------------

_VMDK_SPARSE = b"KDMV"
_VMDK_FOOTER_AT_END = (1 << 64) - 1
_VMDK_SELF_CONTAINED = {"monolithicsparse", "streamoptimized"}
_VMDK_NO_PARENT = "ffffffff"
_VMDK_DESCRIPTOR = re.compile(rb"\A(?:#[^\n]*\n|[ \t]*\r?\n)*version[ \t]*=|\A# Disk DescriptorFile")
_VMDK_EXTENT = re.compile(
    r'^[ \t]*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"]*)")?', re.IGNORECASE | re.MULTILINE
)
_VMDK_SETTING = re.compile(r'^\s*(\w+)\s*=\s*"?([^"\r\n]*)', re.MULTILINE)

_OUTSIDE = Finding("outside-extent", "its data lies in other files")
_PARENT = Finding("parent", "it is a difference to another image")


def _is_vmdk(seen: Seen) -> bool:
    return seen.head[:4] in (_VMDK_SPARSE, b"COWD") or bool(_VMDK_DESCRIPTOR.match(seen.head[:2048]))


def _vmdk_window(seen: Seen) -> int | None:
    start: int = seen.field("<Q", 28) * 512 if seen.head[:4] == _VMDK_SPARSE else 0
    return start if start >= HEAD - WINDOW else None


def _examine_vmdk(seen: Seen) -> Facts:
    if seen.head[:4] != _VMDK_SPARSE:
        return Facts(None, (_OUTSIDE,))
    capacity, start, length = seen.field("<Q", 12), seen.field("<Q", 28) * 512, seen.field("<Q", 36) * 512
    if not capacity or not start or not 0 < length <= WINDOW:
        return Facts(None, (Finding("malformed", "it has no capacity, or no descriptor of a sane size"),))
    descriptor = seen.span(start, length).split(b"\0", 1)[0].decode("latin-1")
    return Facts(capacity * 512, (*_examine_descriptor(descriptor), *_examine_footer(seen)))


def _examine_descriptor(text: str) -> tuple[Finding, ...]:
    settings = {(key.lower(), value.strip().lower()) for key, value in _VMDK_SETTING.findall(text)}
    types = {value for key, value in settings if key == "createtype"}
    parents = {value for key, value in settings if key in ("parentcid", "parentfilenamehint")}
    extents = _VMDK_EXTENT.findall(text)
    inside = (
        len(extents) == 1 and extents[0][0].upper() == "SPARSE" and not re.search(r"[/\\:]", extents[0][1])
    )
    self_contained = bool(types) and types <= _VMDK_SELF_CONTAINED
    return _kept(not (inside and self_contained) and _OUTSIDE, not parents <= {_VMDK_NO_PARENT} and _PARENT)


def _examine_footer(seen: Seen) -> tuple[Finding, ...]:
    """A stream-optimized image ends in a second header, and readers obey that one: it must say the same.

    Only the places of its tables may differ, for to tell these is what the footer is for.
    """
    said_first, said_last = seen.head[:48], seen.tail[-1024:][:48]
    if seen.field("<Q", 56) != _VMDK_FOOTER_AT_END or said_first == said_last:
        return ()
    return (Finding("footer", "its footer says something else than its header"),)


# -- VHD, VHDX, VDI -----------------------------------------------------------------------------------

_VHD = b"conectix"
_VHD_DIFFERENCING = 4

_VHDX_REGION_TABLES = (192 << 10, 256 << 10)
_VHDX_METADATA_REGION = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
_VHDX_FILE_PARAMETERS = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
_VHDX_VIRTUAL_SIZE = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
_VHDX_HAS_PARENT = 0b10


def _is_vhd(seen: Seen) -> bool:
    return seen.head[:8] == _VHD or seen.tail[-512:][:8] == _VHD


def _examine_vhd(seen: Seen) -> Facts:
    """Dynamic disks begin with a copy of the footer; fixed ones are a raw disk with a footer behind it."""
    footer = seen.head[:512] if seen.head[:8] == _VHD else seen.tail[-512:]
    if len(footer) < 512:
        raise ImageFormatError("it is shorter than its footer")
    size, kind = struct.unpack_from(">Q4xI", footer, 48)
    return Facts(size, _kept(kind == _VHD_DIFFERENCING and _PARENT))


def _vhdx_metadata(seen: Seen) -> int:
    """Where the metadata region begins, by the first region table that is there."""
    for table in _VHDX_REGION_TABLES:
        if seen.span(table, 4) == b"regi":
            return _entry(seen, table + 16, seen.field("<I", table + 8), _VHDX_METADATA_REGION, "<Q")
    raise ImageFormatError("it has no region table")


def _entry(seen: Seen, offset: int, count: int, identity: bytes, form: str) -> int:
    """The value after the 16 bytes of identity in a table whose entries have 32 bytes."""
    for position in range(offset, offset + min(count, 2047) * 32, 32):
        if seen.span(position, 16) == identity:
            return int(seen.field(form, position + 16))
    raise ImageFormatError("one of its tables lacks an entry")


def _vhdx_window(seen: Seen) -> int | None:
    start = _vhdx_metadata(seen)
    return start if start >= HEAD - WINDOW else None


def _examine_vhdx(seen: Seen) -> Facts:
    start = _vhdx_metadata(seen)
    if seen.span(start, 8) != b"metadata":
        raise ImageFormatError("it has no metadata table")
    table, count = start + 32, seen.field("<H", start + 10)
    size = seen.field("<Q", start + _entry(seen, table, count, _VHDX_VIRTUAL_SIZE, "<I"))
    flags = seen.field("<I", start + _entry(seen, table, count, _VHDX_FILE_PARAMETERS, "<I") + 4)
    return Facts(size, _kept(bool(flags & _VHDX_HAS_PARENT) and _PARENT))


def _examine_vdi(seen: Seen) -> Facts:
    dynamic_or_static = seen.field("<I", 0x4C) in (1, 2)
    linked = any(seen.field("32s", 0x1A8))
    return Facts(seen.field("<Q", 0x170), _kept((linked or not dynamic_or_static) and _PARENT))


# -- what is inside raw disks -------------------------------------------------------------------------


def _examine_luks(seen: Seen) -> Facts:
    """LUKS 1 says where its payload begins; LUKS 2 does in JSON, which we leave alone."""
    version = seen.field(">H", 6)
    if version not in (1, 2):
        raise ImageFormatError(f"its version is {version}")
    return Facts(max(0, seen.size - seen.field(">I", 104) * 512) if version == 1 else None)


def _is_mbr(seen: Seen) -> bool:
    """A boot signature and a plausible table: FAT has the signature too, but code in the table's place."""
    if seen.head[510:512] != b"\x55\xaa":
        return False
    entries = [seen.head[start : start + 16] for start in range(446, 510, 16)]
    return all(entry[0] in (0, 0x80) for entry in entries) and any(entry[4] for entry in entries)


FORMATS = (
    Format("qcow2", _is_qcow2, _examine_qcow2),
    Format("qcow", _is_qcow, _examine_qcow),
    Format("qed", _magic(b"QED\0"), _examine_qed),
    Format("vmdk", _is_vmdk, _examine_vmdk, _vmdk_window),
    Format("vhd", _is_vhd, _examine_vhd),
    Format("vhdx", _magic(b"vhdxfile"), _examine_vhdx, _vhdx_window),
    Format("vdi", _magic(b"\x7f\x10\xda\xbe", 0x40), _examine_vdi),
    Format("ploop", lambda seen: seen.head[:16] in (b"WithoutFreeSpace", b"WithouFreSpacExt"), _nothing),
    Format("luks", _magic(b"LUKS\xba\xbe"), _examine_luks),
    Format("iso", _magic(b"CD001", 0x8001), _size_of_stream),
    Format("gpt", _magic(b"EFI PART", 512), _size_of_stream),
    Format("mbr", _is_mbr, _size_of_stream),
)
"""In the order of trust in the sign: the first that recognises the stream gives it its name."""
