# SPDX-License-Identifier: Apache-2.0
"""What tests share: a database of each kind, empty and their own."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from cumulet.testing import postgres


class Together(LoadScopeScheduling):
    """Where tests run side by side, those of one file stay together, and so do all that need the machine."""

    def _split_scope(self, nodeid: str) -> str:
        machine = "tests/end_to_end/"
        return machine if nodeid.startswith(machine) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """One PostgreSQL for the whole run, started when the first test wants it."""
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; a test that takes it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'cumulet.db'}"
        return
    with postgres.database(request.getfixturevalue("postgresql_server"), f"test-{uuid.uuid4().hex}") as url:
        yield url
