# SPDX-License-Identifier: Apache-2.0
"""A cloud in a folder of its own: `cumulet up` as a process to be measured, judged and killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from cumulet.cli.state import State, wait_until

PASSWORD = "secret"
_DEADLINE = 60.0


class Cloud:
    """A cloud on a free port. It is started and ended by whoever made it."""

    def __init__(self, state: Path, options: Sequence[str] = (), *, simulate: bool = True) -> None:
        self.place = State(state)
        self.options = ["--simulate", *options] if simulate else list(options)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._said = 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Begin to start; the log lies beside the state folder."""
        command = [sys.executable, "-m", "cumulet", "up", "--state", str(self.place.path)]
        command += ["--port", str(self.port), "--admin-password", PASSWORD, *self.options]
        with self.log.open("ab") as log:
            self._said = log.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def write_settings(self, service: str, settings: Mapping[str, object]) -> None:
        """What an operator wants otherwise of a service, from the next start on."""
        file = self.place.settings_file(service)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))

    @property
    def log(self) -> Path:
        return self.place.path.with_name(f"{self.place.path.name}.log")

    def await_token(self) -> str:
        """A token of the admin, as soon as one can be had. Raises RuntimeError when the cloud ended."""
        end = time.monotonic() + _DEADLINE
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                answer = httpx.post(f"{self.url}/identity/v3/auth/tokens", json=login(), timeout=10)
                if answer.status_code == 201:
                    return answer.headers["X-Subject-Token"]
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise RuntimeError(f"The cloud did not start: {self.log.read_text()[-2000:]}")

    def await_ready(self) -> None:
        """Return once the cloud that was started says that it is ready: its host is there too."""
        if not wait_until(lambda: b"ready in " in self.log.read_bytes()[self._said :], _DEADLINE):
            raise RuntimeError(f"The cloud is not ready: {self.log.read_text()[-2000:]}")

    def cumulet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command of the operator says of this cloud."""
        command = [sys.executable, "-m", "cumulet", *words, "--state", str(self.place.path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def kill(self) -> None:
        """End the control process as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def kill_agent(self) -> None:
        """End the agent's process likewise, if it runs; it is gone when this returns."""
        if pid := self.place.pid("agent"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.place.pid("agent") is None, 5.0)

    def end(self) -> None:
        """End what runs, in peace."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.kill()
        self.place.end("agent")


@contextmanager
def new_cloud(*options: str, simulate: bool = True) -> Iterator[Cloud]:
    """A cloud with a new state folder, not started; it ends and its folder goes with the block.

    A cloud that is not simulated leaves nothing on the machine either: its guests and networks go too.
    """
    folder = Path(tempfile.mkdtemp(prefix="cml-lab-"))
    folder.chmod(0o711)  # the control process of real hosts is not root
    cloud = Cloud(folder / "state", options, simulate=simulate)
    try:
        yield cloud
    finally:
        cloud.end()
        if not simulate:
            cloud.cumulet("down", "--purge")
        shutil.rmtree(folder)


def login() -> dict[str, object]:
    """The body that asks for a token of the admin."""
    domain = {"id": "default"}
    user = {"name": "admin", "password": PASSWORD, "domain": domain}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
