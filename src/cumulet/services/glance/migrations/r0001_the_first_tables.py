# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "glance_images",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("visibility", TEXT, nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("os_hidden", sa.Boolean(), nullable=False),
        sa.Column("disk_format", TEXT, nullable=True),
        sa.Column("container_format", TEXT, nullable=True),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("virtual_size", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("checksum", TEXT, nullable=True),
        sa.Column("os_hash_algo", TEXT, nullable=True),
        sa.Column("os_hash_value", TEXT, nullable=True),
        sa.Column("min_disk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("min_ram", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("upload_id", TEXT, nullable=True),
        sa.Column("upload_seen_at", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_glance_images_created_at_id"), "glance_images", ["created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_glance_images_project_id"), "glance_images", ["project_id"], unique=False)
    op.create_index(op.f("ix_glance_images_visibility"), "glance_images", ["visibility"], unique=False)
    op.create_table(
        "glance_metadef_namespaces",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("namespace", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("visibility", TEXT, nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace", name=op.f("uq_glance_metadef_namespaces_namespace")),
    )
    op.create_index(
        op.f("ix_glance_metadef_namespaces_created_at_id"),
        "glance_metadef_namespaces",
        ["created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_glance_metadef_namespaces_project_id"),
        "glance_metadef_namespaces",
        ["project_id"],
        unique=False,
    )
    op.create_table(
        "glance_metadef_resource_types",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "glance_image_members",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("image_id", TEXT, nullable=False),
        sa.Column("member_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["glance_images.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "member_id", name=op.f("uq_glance_image_members_image_id_member_id")),
    )
    op.create_index(
        op.f("ix_glance_image_members_member_id_image_id"),
        "glance_image_members",
        ["member_id", "image_id"],
        unique=False,
    )
    op.create_table(
        "glance_image_properties",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("image_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["glance_images.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "name", name=op.f("uq_glance_image_properties_image_id_name")),
    )
    op.create_index(
        op.f("ix_glance_image_properties_name_image_id"),
        "glance_image_properties",
        ["name", "image_id"],
        unique=False,
    )
    op.create_table(
        "glance_image_tags",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("image_id", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["glance_images.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "value", name=op.f("uq_glance_image_tags_image_id_value")),
    )
    op.create_index(
        op.f("ix_glance_image_tags_value_image_id"), "glance_image_tags", ["value", "image_id"], unique=False
    )
    op.create_table(
        "glance_metadef_associations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("namespace_id", TEXT, nullable=False),
        sa.Column("resource_type", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=True),
        sa.Column("properties_target", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["namespace_id"], ["glance_metadef_namespaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["resource_type"], ["glance_metadef_resource_types.name"], ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "namespace_id",
            "resource_type",
            name=op.f("uq_glance_metadef_associations_namespace_id_resource_type"),
        ),
    )
    op.create_index(
        op.f("ix_glance_metadef_associations_resource_type"),
        "glance_metadef_associations",
        ["resource_type"],
        unique=False,
    )
    op.create_table(
        "glance_metadef_objects",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("namespace_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("required", sa.Text(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["namespace_id"], ["glance_metadef_namespaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace_id", "name", name=op.f("uq_glance_metadef_objects_namespace_id_name")),
    )
    op.create_table(
        "glance_metadef_properties",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("namespace_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["namespace_id"], ["glance_metadef_namespaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "namespace_id", "name", name=op.f("uq_glance_metadef_properties_namespace_id_name")
        ),
    )
    op.create_table(
        "glance_metadef_tags",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("namespace_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["namespace_id"], ["glance_metadef_namespaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace_id", "name", name=op.f("uq_glance_metadef_tags_namespace_id_name")),
    )
