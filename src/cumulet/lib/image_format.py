# SPDX-License-Identifier: Apache-2.0
"""Which format a disk image has, told from the bytes as they pass, and whether it is safe to open.

    inspector = Inspector()
    async for chunk in upload:
        inspector.feed(chunk)
        ...
    inspector.result().require("qcow2")     # ImageFormatError says what is wrong with it

Nothing is opened, mapped or run, and memory is bounded: an Inspector keeps the head, the tail and at most
one window of a stream of any length. A result may be asked for at any time: after the first half MiB the
format is certain, so that a lie can end an upload early, but for a fixed VHD, whose only sign is at its end.
The virtual size and the findings are certain at the end.
"""

from dataclasses import dataclass

from cumulet.lib.image_headers import (
    FORMATS,
    HEAD,
    TAIL,
    WINDOW,
    Facts,
    Finding,
    Format,
    ImageFormatError,
    Seen,
)

__all__ = ["Finding", "ImageFormatError", "Inspection", "Inspector"]

RAW = "raw"

_CONTENT = {RAW, "gpt", "mbr"}
"""What a program that treats an image as raw never interprets."""

_ACCEPTED = {
    RAW: {*_CONTENT, "luks"},
    "ami": _CONTENT,
    "aki": _CONTENT,
    "ari": _CONTENT,
    "vpc": {"vhd"},
}
"""What an image of a declared disk format may be; any other declared format must be met exactly.

LUKS passes as raw, for so Cinder uploads encrypted volumes.
"""


@dataclass(frozen=True)
class Inspection:
    """What is known of an image."""

    format: str
    """The format by its own sign; `raw` when it has none."""
    virtual_size: int | None
    """Bytes of the disk as a guest sees it; None when the header does not say."""
    findings: tuple[Finding, ...]
    """Reasons not to open it; none when it is safe."""

    def agrees_with(self, disk_format: str) -> bool:
        """Whether the image may be called that."""
        return self.format in _ACCEPTED.get(disk_format, {disk_format})

    def require(self, disk_format: str) -> None:
        """The image has the declared format and is safe to open, or ImageFormatError says why not."""
        if not self.agrees_with(disk_format):
            raise ImageFormatError(
                f"The image is declared as {disk_format}, but its content is {self.format}."
            )
        if self.findings:
            reasons = "; ".join(finding.message for finding in self.findings)
            raise ImageFormatError(f"The {self.format} image is not safe to use: {reasons}.")


class Inspector:
    """Looks at a stream of bytes as it passes; see the module."""

    def __init__(self) -> None:
        self._size = 0
        self._head = bytearray()
        self._tail = b""
        self._window = bytearray()
        self._window_start: int | None = None
        self._planned = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the stream, of any number."""
        begin = self._size
        self._size += len(chunk)
        self._head += chunk[: HEAD - len(self._head)]
        if len(self._head) == HEAD and not self._planned:
            self._plan_window()
        self._fill_window(chunk, begin)
        self._tail = (self._tail + chunk[-TAIL:])[-TAIL:]

    def result(self) -> Inspection:
        """What is known by now."""
        seen = self._seen()
        matches = [(kind, _examine(kind, seen)) for kind in FORMATS if kind.recognise(seen)]
        if not matches:
            return Inspection(RAW, self._size, ())
        kind, facts = matches[0]
        claims = [other.name for other, _ in matches if other.name not in _CONTENT]
        findings = facts.findings
        if len(claims) > 1:
            findings += (Finding("ambiguous", f"it is at once {' and '.join(claims)}"),)
        return Inspection(kind.name, facts.virtual_size, findings)

    def _seen(self) -> Seen:
        return Seen(self._size, bytes(self._head), self._tail, self._window_start or 0, bytes(self._window))

    def _plan_window(self) -> None:
        """The window lies where the first format that recognises the head wants it.

        With a second such format the image is ambiguous anyway, and refused for that.
        """
        self._planned = True
        seen = self._seen()
        kind = next((kind for kind in FORMATS if kind.recognise(seen)), None)
        try:
            self._window_start = kind.window(seen) if kind else None
        except ImageFormatError:
            self._window_start = None

    def _fill_window(self, chunk: bytes, begin: int) -> None:
        if self._window_start is None or len(self._window) == WINDOW:
            return
        wanted = self._window_start + len(self._window)
        if begin < HEAD and not self._window and wanted < HEAD:
            self._window += self._head[wanted:]
            wanted = HEAD
        if begin + len(chunk) > wanted:
            skipped = wanted - begin
            self._window += chunk[skipped : skipped + WINDOW - len(self._window)]


def _examine(kind: Format, seen: Seen) -> Facts:
    try:
        return kind.examine(seen)
    except ImageFormatError as error:
        return Facts(None, (Finding("malformed", f"its header cannot be read: {error}"),))
