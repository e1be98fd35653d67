# SPDX-License-Identifier: Apache-2.0
"""Where lists are read: the containers of an account and the objects of a container, by their index."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.lib.memo import memo
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.listing.walk import Span, walk
from cumulet.services.swift.model import Container, Object

CONTAINER = ("name", "objects", "bytes", "updated_at")
OBJECT = ("name", "size", "etag", "content_type", "updated_at", "kind", "facts")


def containers(tx: Tx, account: str, asked: Question) -> list[Any]:
    """A page of an account: values in the order of `CONTAINER`, and texts for what lies below a delimiter."""

    def fetch(span: Span, limit: int) -> Any:
        statement = _statement(Container, "account_id", CONTAINER, span.closed, span.high is None, span.down)
        return tx.rows(statement, _values(account, span, limit))

    return walk(asked, fetch)


def objects(tx: Tx, container_id: str, asked: Question) -> list[Any]:
    """A page of a container: values in the order of `OBJECT`, and texts for what lies below a delimiter."""

    def fetch(span: Span, limit: int) -> Any:
        statement = _statement(Object, "container_id", OBJECT, span.closed, span.high is None, span.down)
        return tx.rows(statement, _values(container_id, span, limit))

    return walk(asked, fetch)


def _values(parent: str, span: Span, limit: int) -> dict[str, Any]:
    high = {} if span.high is None else {"high": span.high}
    return {"parent": parent, "low": span.low, **high, "limit": limit}


@memo
def _statement(cls: Any, parent: str, names: tuple[str, ...], closed: bool, endless: bool, down: bool) -> Any:
    name = cls.c.name
    low: Any = sa.bindparam("low")
    where = [cls.c[parent] == sa.bindparam("parent"), name >= low if closed else name > low]
    if not endless:
        where.append(name < sa.bindparam("high"))
    chosen = sa.select(*(cls.c[column] for column in names)).where(*where)
    return chosen.order_by(name.desc() if down else name).limit(sa.bindparam("limit"))
