# SPDX-License-Identifier: Apache-2.0
"""Where content lies: a file for each blob, by a name that nobody chose.

    objects/3f/3fa9...    the content of one object, one version of it, or one manifest

A file is whole and on disk before the row that names it is committed, and goes after the row did. So what no
row names is what a process left that died, and may be removed; `live` are the blobs that this process has not
yet committed. A copy is a second name of the same file. Everything here blocks, and is called in threads.
"""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cumulet.kernel import ids
from cumulet.kernel.errors import Error, Unavailable

if TYPE_CHECKING:
    from cumulet.kernel.app import App


class Store:
    """The files of one cloud's objects."""

    def __init__(self, app: "App") -> None:
        self.folder = app.settings.state.absolute() / "objects"
        self.live: set[str] = set()

    def prepare(self) -> None:
        """Its folder is there."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, blob: str) -> Path:
        return self.folder / blob[:2] / blob

    @contextmanager
    def new(self) -> Iterator[str]:
        """The name of a blob that is to come; until the end the sweep leaves it alone."""
        blob = ids.plain()
        self.live.add(blob)
        try:
            yield blob
        finally:
            self.live.discard(blob)

    def write(self, blob: str, content: bytes) -> None:
        """The blob is on disk, with this content."""
        with Writing(self, blob) as file:
            file.write(content)
            file.keep()

    def link(self, source: str, blob: str) -> None:
        """The blob has the content of another. Raises FileNotFoundError when that one is gone."""
        path = self.path(blob)
        with disk_errors():
            path.parent.mkdir(exist_ok=True)
            os.link(self.path(source), path)
            _sync_folder(path.parent)

    def read(self, blob: str, start: int, length: int) -> bytes:
        """A short part of a blob. Raises FileNotFoundError when it is gone."""
        with self.path(blob).open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, start)

    def read_now(self, blob: str, start: int, length: int) -> bytes | None:
        """`read` of what is in memory already, so that the event loop may do it; None for what is not."""
        descriptor = os.open(self.path(blob), os.O_RDONLY | os.O_CLOEXEC)
        try:
            buffer = bytearray(length)
            if os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT) == length:
                return bytes(buffer)
        except OSError:  # The disk would have to be asked, or the file system cannot say.
            pass
        finally:
            os.close(descriptor)
        return None

    def remove(self, blobs: Iterable[str | None]) -> None:
        """Nothing is left of these; what is gone already is fine."""
        for blob in blobs:
            if blob is not None:
                self.path(blob).unlink(missing_ok=True)

    def odd_among(self, sizes: Mapping[str, int]) -> list[str]:
        """The blobs of these that are not there, or are not so many bytes long."""
        return [blob for blob, size in sizes.items() if self._size(blob) != size]

    def count_present(self, blobs: Iterable[str]) -> int:
        return sum(self._size(blob) is not None for blob in blobs)

    def _size(self, blob: str) -> int | None:
        try:
            return self.path(blob).stat().st_size
        except FileNotFoundError:
            return None

    def shards(self) -> list[Path]:
        """The folders that hold files."""
        return sorted(path for path in self.folder.iterdir() if path.is_dir())


class Writing:
    """A file that is being written, and its MD5 sum."""

    def __init__(self, store: Store, blob: str) -> None:
        self._path = store.path(blob)
        self._sum = hashlib.md5(usedforsecurity=False)
        with disk_errors():
            self._file = _created(self._path)

    def __enter__(self) -> "Writing":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def etag(self) -> str:
        return self._sum.hexdigest()

    def write(self, chunk: bytes | bytearray) -> None:
        self._sum.update(chunk)
        with disk_errors():
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]

    def keep(self) -> None:
        """What was written, and the name under which it was, are on disk."""
        with disk_errors():
            os.fsync(self._file.fileno())
            _sync_folder(self._path.parent)

    def close(self) -> None:
        self._file.close()


def _created(path: Path) -> BinaryIO:
    try:
        return path.open("wb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(exist_ok=True)
        return path.open("wb", buffering=0)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors() -> Iterator[None]:
    """What a failing disk means for whoever writes to it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _meaning(error) from error


def _meaning(error: OSError) -> Error:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("There is not enough space left to store this object.", retry_after=60)
    return Unavailable(f"The object store cannot be written: {error.strerror}.")
