# SPDX-License-Identifier: Apache-2.0
"""Queries by their shape: two that differ only in values are one statement, built once.

`Volume.c.host == "a"` and `Volume.c.host == "b"` have the shape "host equals a value". Taken to pieces, some
such conditions are a key and values; from the key the statement is made anew, with a parameter where
each value stood. What is not of this plain kind (a join, an OR, a function) has no shape.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import BindParameter, False_, Null, True_

from cumulet.kernel.db.rows import Row
from cumulet.lib.memo import memo_of

_CONSTANTS = {Null: sa.null(), True_: sa.true(), False_: sa.false()}
_KEPT = 2000

Shape = tuple[Any, ...]


def shape_of(cls: type[Row], where: Sequence[Any]) -> tuple[Shape, dict[str, Any]] | None:
    """The conditions as a shape and its values; None for those that have none."""
    shape: list[Any] = []
    values: dict[str, Any] = {}
    for condition in where:
        if type(condition) is not sa.BinaryExpression or condition.modifiers:
            return None
        column, operand = condition.left, condition.right
        if type(column) is not sa.Column or column.table is not cls.table:
            return None
        if type(operand) is BindParameter:
            name = f"value_{len(values)}"
            values[name] = operand.value
            shape.append((column.name, condition.operator, name, operand.expanding))
        elif type(operand) in _CONSTANTS:
            shape.append((column.name, condition.operator, type(operand), False))
        else:
            return None
    return tuple(shape), values


def order_of(cls: type[Row], order_by: Sequence[Any]) -> Shape | None:
    """What rows are sorted by, as a shape: each column, and what is done to it from the inside out."""
    shape: list[Any] = []
    for part in order_by:
        ways = []
        while type(part) is sa.UnaryExpression:
            ways.append(part.modifier)
            part = part.element
        if type(part) is not sa.Column or part.table is not cls.table:
            return None
        shape.append((part.name, tuple(reversed(ways))))
    return tuple(shape)


@memo_of(_KEPT)
def conditions(cls: type[Row], shape: Shape) -> list[Any]:
    """The conditions that have this shape, with a parameter for each value."""
    return [operate(cls.c[name], _operand(cls.c[name], what, many)) for name, operate, what, many in shape]


def _operand(column: Any, what: Any, many: bool) -> Any:
    if what in _CONSTANTS:
        return _CONSTANTS[what]
    return sa.bindparam(what, expanding=True) if many else sa.bindparam(what, type_=column.type)


@memo_of(_KEPT)
def selection(cls: type[Row], shape: Shape, order: Shape, limited: bool) -> sa.Select[Any]:
    """The rows that meet conditions of this shape, at most as many as the parameter `limit` says."""
    query = sa.select(cls.table).where(*conditions(cls, shape))
    for name, ways in order:
        part = cls.c[name]
        for way in ways:
            part = way(part)
        query = query.order_by(part)
    return query.limit(sa.bindparam("limit", type_=sa.Integer())) if limited else query


@memo_of(_KEPT)
def presence(cls: type[Row], shape: Shape) -> sa.Select[Any]:
    """1 if any row meets conditions of this shape."""
    return sa.select(sa.literal_column("1")).select_from(cls.table).where(*conditions(cls, shape)).limit(1)


@memo_of(_KEPT)
def removal(cls: type[Row], shape: Shape) -> sa.Delete:
    """The deletion of the rows that meet conditions of this shape."""
    return sa.delete(cls.table).where(*conditions(cls, shape))
