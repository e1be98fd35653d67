# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "cinder_disabled_hosts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cinder_frozen_hosts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cinder_messages",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("user_message", TEXT, nullable=False),
        sa.Column("message_level", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("resource_type", TEXT, nullable=False),
        sa.Column("resource_uuid", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_cinder_messages_expires_at"), "cinder_messages", ["expires_at"], unique=False)
    op.create_index(op.f("ix_cinder_messages_project_id"), "cinder_messages", ["project_id"], unique=False)
    op.create_table(
        "cinder_volume_types",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("extra_specs", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_cinder_volume_types_name")),
    )
    op.create_table(
        "cinder_default_types",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["type_id"], ["cinder_volume_types.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cinder_type_access",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["type_id"], ["cinder_volume_types.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_cinder_type_access_project_id"), "cinder_type_access", ["project_id"], unique=False
    )
    op.create_index(op.f("ix_cinder_type_access_type_id"), "cinder_type_access", ["type_id"], unique=False)
    op.create_table(
        "cinder_volumes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("availability_zone", TEXT, nullable=False),
        sa.Column("volume_type_id", TEXT, nullable=False),
        sa.Column("snapshot_id", TEXT, nullable=True),
        sa.Column("source_volid", TEXT, nullable=True),
        sa.Column("image_id", TEXT, nullable=True),
        sa.Column("is_bootable", sa.Boolean(), nullable=False),
        sa.Column("encrypted", sa.Boolean(), nullable=False),
        sa.Column("multiattach", sa.Boolean(), nullable=False),
        sa.Column("readonly", sa.Boolean(), nullable=True),
        sa.Column("image_metadata", sa.Text(), nullable=False),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("target_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shunned", sa.Text(), nullable=False),
        sa.Column("error_text", TEXT, nullable=True),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["volume_type_id"], ["cinder_volume_types.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_cinder_volumes_host"), "cinder_volumes", ["host"], unique=False)
    op.create_index(op.f("ix_cinder_volumes_project_id"), "cinder_volumes", ["project_id"], unique=False)
    op.create_index(op.f("ix_cinder_volumes_snapshot_id"), "cinder_volumes", ["snapshot_id"], unique=False)
    op.create_index(op.f("ix_cinder_volumes_source_volid"), "cinder_volumes", ["source_volid"], unique=False)
    op.create_index(op.f("ix_cinder_volumes_status"), "cinder_volumes", ["status"], unique=False)
    op.create_index(
        op.f("ix_cinder_volumes_volume_type_id"), "cinder_volumes", ["volume_type_id"], unique=False
    )
    op.create_table(
        "cinder_attachments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=True),
        sa.Column("volume_id", TEXT, nullable=False),
        sa.Column("attached_at", TEXT, nullable=True),
        sa.Column("attach_mode", TEXT, nullable=True),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("device", TEXT, nullable=True),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("connection_info", sa.Text(), nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["volume_id"], ["cinder_volumes.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_cinder_attachments_project_id"), "cinder_attachments", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_cinder_attachments_server_id"), "cinder_attachments", ["server_id"], unique=False
    )
    op.create_index(
        op.f("ix_cinder_attachments_volume_id"), "cinder_attachments", ["volume_id"], unique=False
    )
    op.create_table(
        "cinder_snapshots",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("volume_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("volume_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("volume_type_id", TEXT, nullable=False),
        sa.Column("is_bootable", sa.Boolean(), nullable=False),
        sa.Column("image_metadata", sa.Text(), nullable=False),
        sa.Column("told_progress", TEXT, nullable=True),
        sa.Column("error_text", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["volume_id"], ["cinder_volumes.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_cinder_snapshots_project_id"), "cinder_snapshots", ["project_id"], unique=False)
    op.create_index(op.f("ix_cinder_snapshots_status"), "cinder_snapshots", ["status"], unique=False)
    op.create_index(op.f("ix_cinder_snapshots_volume_id"), "cinder_snapshots", ["volume_id"], unique=False)
    op.create_index(
        op.f("ix_cinder_snapshots_volume_type_id"), "cinder_snapshots", ["volume_type_id"], unique=False
    )
    op.create_table(
        "cinder_transfers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("volume_id", TEXT, nullable=False),
        sa.Column("no_snapshots", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("destination_project_id", TEXT, nullable=True),
        sa.Column("salt", TEXT, nullable=False),
        sa.Column("key_hash", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["volume_id"], ["cinder_volumes.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_cinder_transfers_project_id"), "cinder_transfers", ["project_id"], unique=False)
    op.create_index(op.f("ix_cinder_transfers_volume_id"), "cinder_transfers", ["volume_id"], unique=False)
    op.create_table(
        "cinder_volume_metadata",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["cinder_volumes.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_cinder_volume_metadata_key_value"), "cinder_volume_metadata", ["key", "value"], unique=False
    )
    op.create_index(
        op.f("ix_cinder_volume_metadata_owner_id"), "cinder_volume_metadata", ["owner_id"], unique=False
    )
    op.create_table(
        "cinder_snapshot_metadata",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["cinder_snapshots.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_cinder_snapshot_metadata_key_value"),
        "cinder_snapshot_metadata",
        ["key", "value"],
        unique=False,
    )
    op.create_index(
        op.f("ix_cinder_snapshot_metadata_owner_id"), "cinder_snapshot_metadata", ["owner_id"], unique=False
    )
