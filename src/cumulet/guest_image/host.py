# SPDX-License-Identifier: Apache-2.0
"""The host's own programs: whether they are there, and running them."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

FILES = Path(__file__).parent / "files"

DEBIAN_PACKAGE_OF = {
    "apt-get": "apt",
    "apt-cache": "apt",
    "dpkg-deb": "dpkg",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "qemu-img": "qemu-utils",
}
"""Every program of the host that a build runs."""

_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


class BuildError(Exception):
    """The image cannot be built; the message says what would help."""


def check() -> None:
    """The host can build: it runs amd64 programs and has all that are needed."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise BuildError(
            f"The guest image is built of amd64 packages, and this machine is {platform.machine()}."
        )
    missing = sorted(
        {package for name, package in DEBIAN_PACKAGE_OF.items() if not shutil.which(name, path=_PATH)}
    )
    if missing:
        raise BuildError(f"Building the guest image needs more programs: apt install {' '.join(missing)}.")


def run(*command: str | Path, directory: Path | None = None, stdin: str = "", **env: str) -> str:
    """What the command wrote; BuildError with its last words when it failed."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=directory, input=stdin, env=_environment(env), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last_words = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise BuildError(f"{Path(words[0]).name} failed with status {done.returncode}: {last_words}")
    return done.stdout


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PATH": _PATH, "LC_ALL": "C", **more}
