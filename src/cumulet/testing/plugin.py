# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: a whole cloud for tests of whatever talks to OpenStack, on a free port, in well
under a second.

    def test_my_tool(cumulet):
        conn = openstack.connect(**cumulet.connect)
        ...

`cumulet` is a cloud of the test's own; `cumulet_session` one for all tests. Servers, networks and volumes
are simulated; the APIs are real. The option `--cumulet-services` limits which services there are.
"""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "secret"


@dataclass(frozen=True)
class RunningCloud:
    """A cloud that runs in a thread of this process."""

    url: str
    """Its address, http://127.0.0.1:PORT."""
    state: Path

    @property
    def auth_url(self) -> str:
        return f"{self.url}/identity"

    @property
    def connect(self) -> dict[str, Any]:
        """Arguments for `openstack.connect`, as the admin."""
        return {
            "auth_url": self.auth_url,
            "username": "admin",
            "password": PASSWORD,
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
            "region_name": "RegionOne",
        }

    @property
    def env(self) -> dict[str, str]:
        """The OS_* variables for a command, as the admin."""
        return {f"OS_{name.upper()}": str(value) for name, value in self.connect.items()}


@contextmanager
def running(services: str | None = None, hosts: int = 1) -> Iterator[RunningCloud]:
    """A cloud with its own state folder and port, until the block ends."""
    from cumulet.cli.up import free_port
    from cumulet.kernel.config import Settings
    from cumulet.main import Plan, control, names

    state = Path(tempfile.mkdtemp(prefix="cumulet-"))
    port = free_port("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    plan = Plan(
        settings=Settings(state=state, public_url=url, admin_password=PASSWORD),
        database=f"sqlite:///{state / 'cumulet.db'}",
        port=port,
        services=names(services),
        simulated_hosts=hosts,
    )
    ready = threading.Event()
    failures: list[BaseException] = []
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        handles.append((asyncio.get_running_loop(), stop))
        await control(plan).run(ready.set, stop)

    def thread() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    runner = threading.Thread(target=thread, name="cumulet", daemon=True)
    runner.start()
    ready.wait(60)
    try:
        if failures:
            raise failures[0]
        yield RunningCloud(url, state)
    finally:
        if handles and not failures:
            loop, stop = handles[0]
            loop.call_soon_threadsafe(stop.set)
        runner.join(20)
        shutil.rmtree(state, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("cumulet").addoption(
        "--cumulet-services", default=None, metavar="LIST", help="the services of test clouds"
    )


@pytest.fixture
def cumulet(request: pytest.FixtureRequest) -> Iterator[RunningCloud]:
    """A cloud of this test's own."""
    with running(request.config.getoption("--cumulet-services")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def cumulet_session(request: pytest.FixtureRequest) -> Iterator[RunningCloud]:
    """One cloud for all tests of this run."""
    with running(request.config.getoption("--cumulet-services")) as cloud:
        yield cloud
