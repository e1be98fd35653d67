# SPDX-License-Identifier: Apache-2.0
"""What may be killed at any instant is killed at every instant in some test."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from tests import conversations

from cumulet.main import services

SAGAS = [saga.name for service in services() for saga in service.sagas()]


def tormented() -> Iterator[str]:
    """The names of the sagas that conversations torment."""
    for module in pkgutil.iter_modules(conversations.__path__, "tests.conversations."):
        if module.name.rpartition(".")[2].startswith("test_"):
            for value in vars(import_module(module.name)).values():
                yield getattr(value, "torments", "")


@pytest.mark.parametrize("name", SAGAS)
def test_every_saga_is_tormented(name: str) -> None:
    assert name in set(tormented()), f"no conversation torments {name}: see cumulet.testing.torment"
