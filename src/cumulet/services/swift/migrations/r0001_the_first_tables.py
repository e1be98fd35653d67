# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "swift_accounts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("containers", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("objects", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "swift_containers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("objects", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("versioned", sa.Boolean(), nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["swift_accounts.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_swift_containers_account_id_name")),
    )
    op.create_table(
        "swift_objects",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("container_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=True),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("etag", TEXT, nullable=False),
        sa.Column("content_type", TEXT, nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("delete_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("written_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["container_id"], ["swift_containers.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("container_id", "name", name=op.f("uq_swift_objects_container_id_name")),
    )
    op.create_index(op.f("ix_swift_objects_blob"), "swift_objects", ["blob"], unique=False)
    op.create_index(op.f("ix_swift_objects_delete_at"), "swift_objects", ["delete_at"], unique=False)
    op.create_table(
        "swift_versions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("container_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=True),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("etag", TEXT, nullable=False),
        sa.Column("content_type", TEXT, nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("delete_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("written_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["container_id"], ["swift_containers.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "container_id", "name", "version", name=op.f("uq_swift_versions_container_id_name_version")
        ),
    )
    op.create_index(op.f("ix_swift_versions_blob"), "swift_versions", ["blob"], unique=False)
    op.create_index(op.f("ix_swift_versions_delete_at"), "swift_versions", ["delete_at"], unique=False)
