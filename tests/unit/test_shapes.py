# SPDX-License-Identifier: Apache-2.0
"""Queries by their shape find what the same queries find as they were written."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from shelf import SHELF, Book

from cumulet.kernel.db import Tx
from cumulet.kernel.db.shapes import order_of, shape_of
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, people

_C = Book.c
_PLAIN = [
    [_C.pages == 2],
    [_C.pages != 2],
    [_C.pages > 1, _C.pages <= 3],
    [_C.pages.in_([1, 3, 9])],
    [_C.pages.not_in([1, 3])],
    [_C.pages.in_([])],
    [_C.project_id == PROJECT, _C.pages.in_([1, 2]), _C.pages < 2],
    [_C.shelf.is_(None)],
    [_C.shelf.is_not(None)],
]
_OTHERS = [
    [sa.or_(_C.pages == 1, _C.pages == 2)],
    [sa.func.lower(_C.status) == "ordered"],
    [_C.pages == _C.revision],
    [_C.status.like("o%")],
    [sa.exists(sa.select(1).where(_C.pages == 1))],
]


@pytest.fixture
def read(tmp_path: Path, database: str) -> Callable[[Callable[[Tx], Any]], Any]:
    """Runs a function where five books have 0 to 4 pages, on SQLite and on PostgreSQL."""

    def fill(tx: Tx) -> None:
        tx.insert_many([Book(project_id=PROJECT, pages=pages) for pages in range(5)])

    async def whole(function: Callable[[Tx], Any]) -> Any:
        async with Cloud.running(tmp_path, [people(), SHELF], hosts=0, database=database) as cloud:
            await cloud.app.db.transact(fill)
            return await cloud.app.db.transact(function)

    return lambda function: asyncio.run(whole(function))


def _as_written(tx: Tx, where: list[Any], order_by: list[Any]) -> list[str]:
    return list(tx.execute(sa.select(_C.id).where(*where).order_by(*order_by)).scalars())


def test_plain_conditions_have_a_shape_and_others_have_none() -> None:
    assert all(shape_of(Book, where) is not None for where in _PLAIN)
    assert all(shape_of(Book, where) is None for where in _OTHERS)
    assert order_of(Book, [_C.pages.desc().nulls_last(), _C.id]) is not None
    assert order_of(Book, [sa.func.lower(_C.id)]) is None


def test_values_are_no_part_of_a_shape() -> None:
    one, other = (
        shape_of(Book, [_C.pages == pages, _C.id.in_(ids)]) for pages, ids in ((1, ["a"]), (2, ["b", "c"]))
    )
    assert one is not None and other is not None
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_a_shape_finds_what_its_conditions_find(read: Callable[[Callable[[Tx], Any]], Any]) -> None:
    orders: list[list[Any]] = [[_C.pages, _C.id], [_C.pages.desc().nulls_last(), _C.id.asc()]]

    def compare(tx: Tx) -> None:
        for where in (*_PLAIN, *_OTHERS):
            for order in orders:
                expected = _as_written(tx, where, order)
                assert [row.id for row in tx.all(Book, *where, order_by=order)] == expected
                assert [row.id for row in tx.all(Book, *where, order_by=order, limit=2)] == expected[:2]
            assert tx.exists(Book, *where) is bool(expected)

    read(compare)


def test_a_shape_removes_what_its_conditions_find(read: Callable[[Callable[[Tx], Any]], Any]) -> None:
    def remove(tx: Tx) -> tuple[int, list[int]]:
        gone = tx.delete_where(Book, _C.pages.in_([1, 3]), _C.project_id == PROJECT)
        return gone, [row.pages for row in tx.all(Book, order_by=[_C.pages])]

    assert read(remove) == (2, [0, 2, 4])
