# SPDX-License-Identifier: Apache-2.0
"""Where content lies: one folder of files named by the ids of their images.

    images/<image>                   the content of an active image
    images/<image>.<upload>.part     what an upload has written so far
    staging/<image>                  what was staged and waits to be imported
    exchange/<image>                 what a host has written: a snapshot that is to become an image

A file is never there before its row, and a finished one appears all at once, by a link that replaces
nothing: of two uploads of one image only one can win. Everything here blocks, and is called in threads.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cumulet.kernel.errors import Conflict, Error, Gone, TooLarge, Unavailable
from cumulet.services.glance.data.digest import Digest

if TYPE_CHECKING:
    from cumulet.kernel.app import App

CHUNK = 1 << 20


class Store:
    """The files of one cloud's images, and the uploads that this process is carrying out."""

    def __init__(self, app: "App") -> None:
        state = app.settings.state.absolute()
        self.images = state / "images"
        self.staging = state / "staging"
        self.exchange = state / "exchange"
        self.live: set[str] = set()

    def prepare(self) -> None:
        """The folders are there; hosts, which may be another user, can write to the exchange."""
        for folder in (self.images, self.staging, self.exchange):
            folder.mkdir(parents=True, exist_ok=True)
        if self.exchange.stat().st_uid == os.geteuid():
            self.exchange.chmod(0o1777)

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[None]:
        """Within, the reconciler leaves this upload alone."""
        self.live.add(upload_id)
        try:
            yield
        finally:
            self.live.discard(upload_id)

    def path(self, image_id: str) -> Path:
        return self.images / image_id

    def remove(self, image_id: str, upload_id: str = "") -> None:
        """Nothing of the image is left, nor of an upload of it; nothing being there is fine."""
        for folder in (self.images, self.staging):
            (folder / image_id).unlink(missing_ok=True)
            if upload_id:
                (folder / part_name(image_id, upload_id)).unlink(missing_ok=True)
        self.remove_exchanged(image_id)

    def remove_exchanged(self, image_id: str) -> None:
        (self.exchange / image_id).unlink(missing_ok=True)


@dataclass(frozen=True)
class PartName:
    """A file's name taken apart: `upload_id` is empty for a finished file."""

    image_id: str
    upload_id: str = ""


def part_name(image_id: str, upload_id: str) -> str:
    return f"{image_id}.{upload_id}.part"


def read_name(name: str) -> PartName | None:
    """The parts of a name, None for a file that is none of ours."""
    words = name.split(".")
    if len(words) == 1 and name.count("-") == 4:
        return PartName(name)
    if len(words) == 3 and words[2] == "part":
        return PartName(words[0], words[1])
    return None


class Part:
    """A file that is being written. Failures of the disk are raised as errors for the one who uploads."""

    def __init__(self, folder: Path, image_id: str, upload_id: str, digest: Digest) -> None:
        self.digest = digest
        self._final = folder / image_id
        self._path = folder / part_name(image_id, upload_id)
        with disk_errors():
            self._file: BinaryIO = self._path.open("wb")

    def write(self, chunk: bytes) -> None:
        """Look at the next bytes, then keep them."""
        self.digest.feed(chunk)
        with disk_errors():
            self._file.write(chunk)

    def keep(self) -> None:
        """The file has its own name, and is on disk. Raises Conflict when another upload was first."""
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            publish(self._path, self._final)

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def deleted(image_id: str) -> Gone:
    """What an upload hears whose image was deleted under it, with what it had written."""
    return Gone(
        f"Image {image_id} could not be found after upload. The image may have been deleted "
        "during the upload, cleaning up the chunks uploaded."
    )


def publish(path: Path, final: Path) -> None:
    """The file has its final name and no other, and the folder says so on disk."""
    try:
        os.link(path, final)
    except FileExistsError:
        raise Conflict(f"The image {final.name} has data already") from None
    except FileNotFoundError:
        raise deleted(final.name) from None
    path.unlink()
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_foreign(path: Path) -> BinaryIO:
    """Open a file that somebody else has written: a plain file, reached by no link. Raises ValueError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ValueError(f"The host has written no content for image {path.name}.") from None
    except OSError as error:
        raise ValueError(f"The content of image {path.name} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"The content of image {path.name} is no plain file.")
    return os.fdopen(descriptor, "rb")


@contextmanager
def disk_errors() -> Iterator[None]:
    """What a failing disk means for whoever writes to it."""
    try:
        yield
    except OSError as error:
        raise _meaning(error) from error


def _meaning(error: OSError) -> Error:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return TooLarge(
            "Image storage media is full: There is not enough disk space on the image storage media."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable(
            "Insufficient permissions on image storage media: Permission to write image storage media denied."
        )
    return Unavailable(f"The image store cannot be written: {error.strerror}.")
