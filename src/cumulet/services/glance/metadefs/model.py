# SPDX-License-Identifier: Apache-2.0
"""Namespaces of metadata definitions, what is in them, and the types of resources that they are about."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.resource import Resource, field, ident, owner
from cumulet.lib.timestamps import Timestamp


class Namespace(
    Resource,
    service="glance",
    path="/metadefs/namespaces",
    member="",
    plural="namespaces",
    key="namespace",
    noun="metadata definition namespace",
    table="glance_metadef_namespaces",
    indexes=(("created_at", "id"),),
):
    """A family of definitions with one owner; only its owner sees one that is private."""

    id: str = ident(default_factory=ids.dashed, filter=False)
    namespace: str = field(unique=True, sort=True)
    display_name: str | None = field(default=None, sort=True)
    description: str | None = field(default=None)
    visibility: str = field(default="private", sort=True, filter=True)
    protected: bool = field(default=False, sort=True)
    project_id: str | None = owner(default=None, wire="owner", sort=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Those of a list: public ones and the own project's."""
        if ctx.is_admin:
            return None
        own = cls.c.project_id == ctx.project_id if ctx.project_id else sa.false()
        return sa.or_(own, cls.c.visibility == "public")

    @classmethod
    def known_to(cls, tx: Tx, ctx: Context, row: Any) -> bool:
        """As `visible`, and whoever knows the name finds those of nobody."""
        nobodys = row.project_id is None
        return ctx.is_admin or nobodys or row.visibility == "public" or row.project_id == ctx.project_id


class MetadefObject(Row, table="glance_metadef_objects", unique=(("namespace_id", "name"),)):
    """A group of properties that are put on a thing together."""

    id: str = column(primary=True, default_factory=ids.plain)
    namespace_id: str = column(references="glance_metadef_namespaces.id", on_delete="CASCADE")
    name: str
    description: str | None = column(default=None)
    required: list[str] | None = column(default=None)
    properties: dict[str, Any] | None = column(default=None)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class MetadefProperty(Row, table="glance_metadef_properties", unique=(("namespace_id", "name"),)):
    """One property: `definition` is what a JSON schema says of its values."""

    id: str = column(primary=True, default_factory=ids.plain)
    namespace_id: str = column(references="glance_metadef_namespaces.id", on_delete="CASCADE")
    name: str
    definition: dict[str, Any]
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class MetadefTag(
    Resource,
    service="glance",
    path="/metadefs/namespaces/{namespace}/tags",
    member="",
    plural="tags",
    key="name",
    noun="metadata tag",
    table="glance_metadef_tags",
    unique=(("namespace_id", "name"),),
):
    """A word that things can be found by."""

    id: str = ident(default_factory=ids.dashed, filter=False)
    namespace_id: str = field(references="glance_metadef_namespaces.id", on_delete="CASCADE", hidden=True)
    name: str = field(sort=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True)


class ResourceType(Row, table="glance_metadef_resource_types"):
    """What definitions are for: images, flavors. One comes to be when a namespace names it."""

    name: str = column(primary=True)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class Association(Row, table="glance_metadef_associations", unique=(("namespace_id", "resource_type"),)):
    """A namespace is about a type of resources, on which its properties bear a prefix."""

    id: str = column(primary=True, default_factory=ids.plain)
    namespace_id: str = column(references="glance_metadef_namespaces.id", on_delete="CASCADE")
    resource_type: str = column(references="glance_metadef_resource_types.name", index=True)
    prefix: str | None = column(default=None)
    properties_target: str | None = column(default=None)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


CONTENTS = (MetadefObject, MetadefProperty, MetadefTag, Association)
