# SPDX-License-Identifier: Apache-2.0
"""What all proxies say alike."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cumulet.kernel.errors import Error
from cumulet.kernel.http.messages import Query

LAST = "2.35"
MOST = 1000


@contextmanager
def retold(*pairs: tuple[int, type[Error]], message: str = "") -> Iterator[None]:
    """A refusal of another service becomes one of ours, by its status; others stay what they are.

    Without a message it keeps the other's words.
    """
    try:
        yield
    except Error as error:
        for status, cls in pairs:
            if error.status == status:
                raise cls(message or error.message) from error
        raise


def limited(query: Query, items: Sequence[Any]) -> list[Any]:
    """The part of a list that `offset` and `limit` cut out."""
    offset = query.integer("offset") or 0
    limit = query.integer("limit")
    return list(items[offset : offset + min(MOST, limit or MOST)])
