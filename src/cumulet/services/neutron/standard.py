# SPDX-License-Identifier: Apache-2.0
"""What every resource of Neutron has: an owner under two names, a description, tags, times and a revision."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx
from cumulet.kernel.db.rows import column
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import Resource, computed, field, ident, loaded, owner
from cumulet.kernel.resource.listing import Filter
from cumulet.lib.timestamps import Timestamp
from cumulet.services.neutron import values


class Tag(Row, table="neutron_tags", unique=(("resource_id", "tag"),)):
    """A word on a resource."""

    id: str = column(primary=True, default_factory=ids.dashed)
    resource_id: str = column(index=True)
    tag: str = column(index=True)


_TAGS = (
    sa.select(Tag.c.resource_id, Tag.c.tag)
    .where(Tag.c.resource_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Tag.c.tag)
)


def tags_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        for resource_id, tag in tx.rows(_TAGS, {"ids": wanted}):
            found.setdefault(resource_id, []).append(tag)
    return found


def sees_all(ctx: Context) -> bool:
    """Whether the caller works for every project: administrators, and other services of the cloud."""
    return ctx.is_admin or "service" in ctx.identity.roles


class OfProject(Resource):
    """What belongs to a project, which has two names."""

    id: str = ident()
    project_id: str = owner(default="", create=True, filter=True, sort=True, convert=values.text(255))
    tenant_id: str = computed(lambda ctx, row: row.project_id)

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is asked for, under its names on the wire. Refuses another's project to all but admins."""
        project = given.get("project_id") or ctx.project_id
        if project != ctx.project_id and not ctx.is_admin:
            raise BadRequest(
                "Specifying 'project_id' other than the authenticated project in request is not "
                "allowed for the "
                "current user."
            )
        named = {cls.fields[name].on_wire: value for name, value in given.items() if name in cls.fields}
        return {**ctx.own, **named, "project_id": project, "tenant_id": project}

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        mine = row.__dict__
        named = {spec.on_wire: mine[name] for name, spec in cls.fields.items() if spec.stored}
        return {**named, "tenant_id": mine["project_id"]}

    @classmethod
    def seen(cls, tx: Tx, ctx: Context, id: str) -> Self:
        """The row, if the caller may know of it; NotFound in the words of its kind else."""
        visible = cls.visible(ctx)
        row = tx.first(cls, cls.c.id == id, *(() if visible is None else (visible,)))
        if row is None:
            raise cls.not_found(ctx, id)
        return row


class Owned(OfProject):
    """What belongs to a project and remembers its changes."""

    description: str = field(default="", create=True, update=True, filter=True, convert=values.text(255))
    revision_number: int = computed(lambda ctx, row: row.revision)
    created_at: Timestamp = field(default=Timestamp(""), filter=True, sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), filter=True, sort=True)


class Standard(Owned):
    """What has a name and tags too."""

    name: str = field(default="", create=True, update=True, filter=True, sort=True, convert=values.text(255))
    tags: list[str] = loaded(tags_of, default=())


# -- lists ----------------------------------------------------------------------------------------------


def filters_of(cls: type[Owned]) -> dict[str, Filter]:
    """The filters that all lists have besides those of their fields."""

    def with_tag(tag: str) -> Any:
        return cls.c.id.in_(sa.select(Tag.c.resource_id).where(Tag.c.tag == tag))

    def words(sent: list[str]) -> list[str]:
        return [word for part in sent for word in part.split(",")]

    return {
        "tenant_id": lambda ctx, sent: cls.c.project_id.in_(sent),
        "revision_number": lambda ctx, sent: cls.c.revision.in_([values.integer(text) for text in sent]),
        "tags": lambda ctx, sent: sa.and_(*(with_tag(tag) for tag in words(sent))),
        "tags-any": lambda ctx, sent: sa.or_(*(with_tag(tag) for tag in words(sent))),
        "not-tags": lambda ctx, sent: sa.not_(sa.and_(*(with_tag(tag) for tag in words(sent)))),
        "not-tags-any": lambda ctx, sent: sa.not_(sa.or_(*(with_tag(tag) for tag in words(sent)))),
    }


def forget(tx: Tx, id: str) -> None:
    """Remove what hangs on a resource that goes: its tags."""
    tx.delete_where(Tag, Tag.c.resource_id == id)
