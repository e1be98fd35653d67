# SPDX-License-Identifier: Apache-2.0
"""Network namespaces: made, entered by one thread, removed.

Everything here blocks and belongs in a worker thread. A namespace is entered by the calling thread alone
and left again before the function returns, so the rest of the process never sees it. No child process is
needed, and none is forked: forking a process that has threads can hang.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = Path("/run/netns")
MACHINE = ""
"""Stands for the namespace that this process was started in."""

_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 4096, 16384, 1 << 20
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)
_making = threading.Lock()


def _checked(result: int, subject: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)


def namespace_exists(name: str) -> bool:
    """Whether a namespace is mounted under this name; a bare file that a crash left behind is none."""
    try:
        return (FOLDER / name).stat().st_dev != FOLDER.stat().st_dev
    except FileNotFoundError:
        return False


def identify_namespace(name: str) -> int:
    """A number that no other namespace has while anything holds this one: one made anew has another."""
    return (FOLDER / name).stat().st_ino


def list_namespaces() -> list[str]:
    return sorted(entry.name for entry in FOLDER.iterdir()) if FOLDER.is_dir() else []


def ensure_namespace(name: str) -> bool:
    """The namespace exists; true when it was made just now."""
    with _making:
        if namespace_exists(name):
            return False
        _share_folder()
        path = FOLDER / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o444)
        with _returning():
            _checked(_libc.unshare(_CLONE_NEWNET), name)
            _bind(b"/proc/thread-self/ns/net", os.fsencode(path))
        return True


def remove_namespace(name: str) -> None:
    """The name is gone; the namespace itself goes with its last process and socket."""
    path = FOLDER / name
    _libc.umount2(os.fsencode(path), _MNT_DETACH)
    path.unlink(missing_ok=True)


def _share_folder() -> None:
    """Mounts below the folder reach every mount namespace of the machine, as `ip netns` has it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = os.fsencode(FOLDER)
    if _libc.mount(b"none", folder, b"none", _MS_SHARED | _MS_REC, None) != 0:
        _bind(folder, folder, _MS_REC)
        _checked(_libc.mount(b"none", folder, b"none", _MS_SHARED | _MS_REC, None), str(FOLDER))


def _bind(source: bytes, target: bytes, flags: int = 0) -> None:
    _checked(_libc.mount(source, target, b"none", _MS_BIND | flags, None), os.fsdecode(target))


@contextmanager
def _returning() -> Iterator[None]:
    """The calling thread is in the end where it was before, whatever happened."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _checked(_libc.setns(home, _CLONE_NEWNET), "the namespace that the thread came from")
        os.close(home)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread is in the namespace until the block ends."""
    if name == MACHINE:
        yield
        return
    with _returning():
        there = os.open(FOLDER / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _checked(_libc.setns(there, _CLONE_NEWNET), name)
        finally:
            os.close(there)
        yield


def run_inside(name: str, command: Sequence[str], text: str = "") -> str:
    """What a program said on its standard output; CalledProcessError when it failed."""
    with inside(name):
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=True, timeout=60)
    return done.stdout


def socket_inside(name: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that belongs to the namespace for good, whoever uses it later."""
    with inside(name):
        return socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol)


def write_settings(name: str, settings: dict[str, str]) -> None:
    """Kernel settings below net/ of a namespace of ours; those of the machine are never written."""
    if name == MACHINE:
        raise ValueError("the machine's own settings are not ours to write")
    with inside(name):
        for key, value in settings.items():
            Path("/proc/sys/net", key).write_text(value)


def end_processes(name: str) -> None:
    """No process lives in the namespace any more."""
    if not namespace_exists(name):
        return
    inode = identify_namespace(name)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(20):
            found = _processes(inode)
            if not found:
                return
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, sign)
            time.sleep(0.02)


def _processes(inode: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with suppress(OSError):
            if os.stat(f"/proc/{entry}/ns/net").st_ino == inode:
                found.append(int(entry))
    return found
