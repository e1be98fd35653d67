# SPDX-License-Identifier: Apache-2.0
"""What must always be true of accounts, containers and objects."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.swift.model import Account, Container, Object, Version


def counters_are_exact(tx: Tx) -> list[str]:
    """A container counts its objects and the bytes of them and their versions, an account its containers."""
    return [*_containers(tx), *_accounts(tx)]


def _containers(tx: Tx) -> list[str]:
    number, size = sa.func.count(), sa.func.coalesce(sa.func.sum(Object.c.size), 0)
    objects = (
        sa.select(Object.c.container_id, number.label("objects"), size.label("bytes"))
        .group_by(Object.c.container_id)
        .subquery()
    )
    versions = (
        sa.select(Version.c.container_id, sa.func.sum(Version.c.size).label("bytes"))
        .group_by(Version.c.container_id)
        .subquery()
    )
    c = Container.c
    there = sa.func.coalesce(objects.c.objects, 0)
    long = sa.func.coalesce(objects.c.bytes, 0) + sa.func.coalesce(versions.c.bytes, 0)
    joined = Container.table.outerjoin(objects, objects.c.container_id == c.id).outerjoin(
        versions, versions.c.container_id == c.id
    )
    wrong = sa.or_(c.objects != there, c.bytes != long)
    found = tx.execute(
        sa.select(c.id, c.objects, c.bytes, there, long).select_from(joined).where(wrong).order_by(c.id)
    )
    return [
        f"Container {id} counts {objects} objects of {size} bytes, and has {there} of {long}."
        for id, objects, size, there, long in found
    ]


def _accounts(tx: Tx) -> list[str]:
    def total(column: sa.Column[int]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(column), 0)

    c = Container.c
    sums = (
        sa.select(
            c.account_id, sa.func.count().label("n"), total(c.objects).label("o"), total(c.bytes).label("b")
        )
        .group_by(c.account_id)
        .subquery()
    )
    a = Account.c
    there = [sa.func.coalesce(column, 0) for column in (sums.c.n, sums.c.o, sums.c.b)]
    joined = Account.table.outerjoin(sums, sums.c.account_id == a.id)
    counted = (a.containers, a.objects, a.bytes)
    wrong = sa.or_(*(mine != real for mine, real in zip(counted, there, strict=True)))
    found = tx.execute(sa.select(a.id).select_from(joined).where(wrong).order_by(a.id))
    return [f"Account {id} does not count what its containers hold." for (id,) in found]
