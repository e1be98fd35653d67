# SPDX-License-Identifier: Apache-2.0
"""The state folder: everything that a cloud keeps, and who may read it.

clouds.yaml, admin-password   for the person who started it (0600)
control/                      database, traces, keys, images: the unprivileged control process
host/NAME/                    guests, volumes, networks: the root agent
run/                          process ids, the lock, the agent's socket
log/                          what detached processes print
"""

import contextlib
import fcntl
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from cumulet.kernel.auth.policy import read_overrides
from cumulet.kernel.auth.policy_language import PolicyError
from cumulet.kernel.config import read_mapping

CONTROL_UID = 61990
QEMU_UID = 61991
DHCP_UID = 61992
"""Numbers that Debian gives to nobody; no account is made for them."""

option = click.option(
    "--state",
    "state_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="The folder that holds everything the cloud keeps.  "
    "[default: /var/lib/cumulet for root, else ~/.local/state/cumulet]",
)


def default() -> Path:
    if os.getuid() == 0:
        return Path("/var/lib/cumulet")
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "cumulet"


@dataclass(frozen=True)
class State:
    """A state folder."""

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> "State":
        return cls((path or default()).absolute())

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def socket(self) -> Path:
        return self.run / "control" / "agent.sock"

    @property
    def clouds(self) -> Path:
        return self.path / "clouds.yaml"

    def host(self, name: str) -> Path:
        return self.path / "host" / name

    def prepare(self) -> None:
        """Make the folders. Raises click.ClickException with a sentence when the place is no good."""
        try:
            for folder in (
                self.path,
                self.control,
                self.control / "exchange",
                self.run,
                self.run / "control",
                self.log,
                self.path / "host",
            ):
                folder.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711)
            self.control.chmod(0o700)
            probe = self.run / ".probe"
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
        except OSError as error:
            raise click.ClickException(
                f"The state folder {self.path} cannot be used: {error.strerror}."
            ) from None

    def holds_a_cloud(self) -> bool:
        """Whether a cloud was started here: nobody's other folder is taken for one and removed.

        Raises click.ClickException when this user may not look.
        """
        try:
            return (self.run / "up.lock").exists()
        except PermissionError:
            raise click.ClickException(f"{self.path} may only be read by who started the cloud.") from None

    def give_to_control(self) -> None:
        """The folders of the control process belong to its user."""
        for folder in (self.control, self.run / "control"):
            for path in (folder, *folder.rglob("*")):
                os.chown(path, CONTROL_UID, CONTROL_UID, follow_symlinks=False)

    def password(self, wished: str | None) -> str:
        """The admin's password: the one of the first start, the wished one then, or a random one."""
        file = self.path / "admin-password"
        if file.exists():
            known = file.read_text().strip()
            if wished and wished != known:
                raise click.ClickException(
                    "This cloud has an admin password already; change it with: "
                    "openstack user set --password NEW admin"
                )
            return known
        password = wished or secrets.token_urlsafe(18)
        write_private(file, password + "\n")
        return password

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """No other `cumulet up` uses this folder. Raises click.ClickException when one does."""
        with (self.run / "up.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise click.ClickException(
                    f"Another cloud runs in {self.path}; end it with `cumulet down --state {self.path}` "
                    "or use another --state."
                ) from None
            yield

    def policies(self) -> dict[str, dict[str, Any]]:
        """The operator's rules by service, from policy/SERVICE.yaml. Raises click.ClickException for a
        broken file.
        """
        return self._by_service("policy", read_overrides)

    def settings(self) -> dict[str, dict[str, Any]]:
        """The operator's settings by service, from settings/SERVICE.yaml. Raises click.ClickException for a
        broken file.
        """
        return self._by_service(
            "settings", lambda text: read_mapping(text, "settings file", "settings to values")
        )

    def _by_service(self, folder: str, read: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found = {}
        for file in sorted((self.path / folder).glob("*.yaml")):
            try:
                found[file.stem] = read(file.read_text())
            except OSError as error:
                raise click.ClickException(f"{file}: {error.strerror}.") from None
            except (PolicyError, ValueError) as error:
                raise click.ClickException(f"{file}: {error}.") from None
        return found

    def policy_file(self, service: str) -> Path:
        return self.path / "policy" / f"{service}.yaml"

    def settings_file(self, service: str) -> Path:
        return self.path / "settings" / f"{service}.yaml"

    def write_pid(self, name: str, pid: int) -> None:
        write_private(self.run / f"{name}.pid", f"{pid} {_born(pid)}\n")

    def pid(self, name: str) -> int | None:
        """The process of this name if it still lives, and is the same one."""
        try:
            pid, born = (self.run / f"{name}.pid").read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _born(int(pid)) == born else None

    def end(self, name: str, deadline: float = 20.0) -> bool:
        """End the process of this name, by force after the deadline; False when there was none."""
        pid = self.pid(name)
        if pid is None:
            return False
        for number, seconds in ((signal.SIGTERM, deadline), (signal.SIGKILL, 5.0)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                raise click.ClickException(
                    f"Process {pid} of the cloud in {self.path} may only be ended by who started it."
                ) from None
            if wait_until(lambda: self.pid(name) is None, seconds):
                break
        (self.run / f"{name}.pid").unlink(missing_ok=True)
        return True

    def read_clouds(self) -> dict[str, Any]:
        """What clouds.yaml says. Raises click.ClickException when there is none."""
        try:
            text = self.clouds.read_text()
        except FileNotFoundError:
            raise click.ClickException(
                f"There is no cloud in {self.path}; `cumulet up` starts one."
            ) from None
        except PermissionError:
            raise click.ClickException(f"{self.clouds} may only be read by who started the cloud.") from None
        clouds: dict[str, Any] = yaml.safe_load(text)["clouds"]
        return clouds


def _born(pid: int) -> str:
    """When a process started, in clock ticks since the boot; empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return true()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def write_clouds(state: State, url: str, password: str, *, devstack: bool) -> None:
    """Write clouds.yaml: the cloud `cumulet`, and with `devstack` the entries that DevStack's users know."""

    def entry(user: str, **scope: str) -> dict[str, Any]:
        auth = {
            "auth_url": f"{url}/identity",
            "username": user,
            "password": password,
            "user_domain_id": "default",
            **scope,
        }
        return {
            "auth": auth,
            "region_name": "RegionOne",
            "identity_api_version": "3",
            "volume_api_version": "3",
        }

    def project(name: str) -> dict[str, str]:
        return {"project_name": name, "project_domain_id": "default"}

    clouds = {"cumulet": entry("admin", **project("admin"))}
    if devstack:
        clouds |= {
            "devstack": entry("demo", **project("demo")),
            "devstack-admin": entry("admin", **project("admin")),
            "devstack-admin-demo": entry("admin", **project("demo")),
            "devstack-alt": entry("alt_demo", **project("alt_demo")),
            "devstack-system-admin": entry("admin", system_scope="all"),
        }
    write_private(state.clouds, yaml.safe_dump({"clouds": clouds}, sort_keys=False))
