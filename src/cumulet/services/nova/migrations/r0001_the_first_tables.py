# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "nova_aggregates",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("changed_at", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_nova_aggregates_name")),
        sa.UniqueConstraint("number", name=op.f("uq_nova_aggregates_number")),
    )
    op.create_table(
        "nova_flavors",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("ram", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("vcpus", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ephemeral", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("swap_mb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rxtx_factor", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("extra_specs", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_nova_flavors_name")),
    )
    op.create_table(
        "nova_hypervisors",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("vcpus", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("memory_mb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disk_gb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("cpu", sa.Text(), nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("boot_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("host", name=op.f("uq_nova_hypervisors_host")),
        sa.UniqueConstraint("number", name=op.f("uq_nova_hypervisors_number")),
    )
    op.create_table(
        "nova_instance_actions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=True),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("message", TEXT, nullable=True),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_nova_instance_actions_server_id_created_at"),
        "nova_instance_actions",
        ["server_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "nova_keypairs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("public_key", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_nova_keypairs_user_id"), "nova_keypairs", ["user_id"], unique=False)
    op.create_table(
        "nova_migrations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("source_host", TEXT, nullable=False),
        sa.Column("dest_host", TEXT, nullable=True),
        sa.Column("wanted_host", TEXT, nullable=True),
        sa.Column("old_flavor", sa.Text(), nullable=False),
        sa.Column("new_flavor", sa.Text(), nullable=False),
        sa.Column("was_running", sa.Boolean(), nullable=False),
        sa.Column("extra_vcpus", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("extra_memory_mb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("extra_disk_gb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number", name=op.f("uq_nova_migrations_number")),
    )
    op.create_index(op.f("ix_nova_migrations_created_at"), "nova_migrations", ["created_at"], unique=False)
    op.create_index(op.f("ix_nova_migrations_project_id"), "nova_migrations", ["project_id"], unique=False)
    op.create_index(op.f("ix_nova_migrations_server_id"), "nova_migrations", ["server_id"], unique=False)
    op.create_table(
        "nova_server_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("policy", TEXT, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("policies", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_nova_server_groups_project_id"), "nova_server_groups", ["project_id"], unique=False
    )
    op.create_table(
        "nova_servers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("access_ipv4", TEXT, nullable=False),
        sa.Column("access_ipv6", TEXT, nullable=False),
        sa.Column("disk_config", TEXT, nullable=False),
        sa.Column("key_name", TEXT, nullable=True),
        sa.Column("launched_at", TEXT, nullable=True),
        sa.Column("terminated_at", TEXT, nullable=True),
        sa.Column("vm_state", TEXT, nullable=False),
        sa.Column("task_state", TEXT, nullable=True),
        sa.Column("power_state", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("reservation_id", TEXT, nullable=False),
        sa.Column("launch_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hostname", TEXT, nullable=False),
        sa.Column("root_device_name", TEXT, nullable=True),
        sa.Column("user_data", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("locked_reason", TEXT, nullable=True),
        sa.Column("pinned_zone", TEXT, nullable=True),
        sa.Column("hints", sa.Text(), nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("image_id", TEXT, nullable=True),
        sa.Column("image_properties", sa.Text(), nullable=False),
        sa.Column("flavor_id", TEXT, nullable=False),
        sa.Column("flavor_copy", sa.Text(), nullable=False),
        sa.Column("vcpus", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("memory_mb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disk_gb", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("config_drive", sa.Boolean(), nullable=False),
        sa.Column("key_data", TEXT, nullable=True),
        sa.Column("key_type", TEXT, nullable=True),
        sa.Column("locked_by", TEXT, nullable=True),
        sa.Column("trusted_certs", sa.Text(), nullable=False),
        sa.Column("group_id", TEXT, nullable=True),
        sa.Column("wanted_zone", TEXT, nullable=True),
        sa.Column("host_zone", TEXT, nullable=True),
        sa.Column("forced_host", TEXT, nullable=True),
        sa.Column("tried_hosts", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("power", TEXT, nullable=False),
        sa.Column("reboots", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hard_reboots", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rebuilds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rescue", sa.Text(), nullable=False),
        sa.Column("rescued", sa.Boolean(), nullable=False),
        sa.Column("root_image_id", TEXT, nullable=True),
        sa.Column("disk_host", TEXT, nullable=True),
        sa.Column("shelved_image_id", TEXT, nullable=True),
        sa.Column("shelved_at", TEXT, nullable=True),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("vendor_password", TEXT, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_nova_servers_deleted_created_at"), "nova_servers", ["deleted", "created_at"], unique=False
    )
    op.create_index(op.f("ix_nova_servers_flavor_id"), "nova_servers", ["flavor_id"], unique=False)
    op.create_index(op.f("ix_nova_servers_group_id"), "nova_servers", ["group_id"], unique=False)
    op.create_index(op.f("ix_nova_servers_project_id"), "nova_servers", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_nova_servers_project_id_deleted"), "nova_servers", ["project_id", "deleted"], unique=False
    )
    op.create_index(op.f("ix_nova_servers_updated_at"), "nova_servers", ["updated_at"], unique=False)
    op.create_table(
        "nova_services",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("binary", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", TEXT, nullable=True),
        sa.Column("forced_down", sa.Boolean(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("binary", "host", name=op.f("uq_nova_services_binary_host")),
        sa.UniqueConstraint("number", name=op.f("uq_nova_services_number")),
    )
    op.create_index(op.f("ix_nova_services_host"), "nova_services", ["host"], unique=False)
    op.create_table(
        "nova_aggregate_hosts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("aggregate_id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["aggregate_id"], ["nova_aggregates.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("aggregate_id", "host", name=op.f("uq_nova_aggregate_hosts_aggregate_id_host")),
    )
    op.create_index(
        op.f("ix_nova_aggregate_hosts_aggregate_id"), "nova_aggregate_hosts", ["aggregate_id"], unique=False
    )
    op.create_index(op.f("ix_nova_aggregate_hosts_host"), "nova_aggregate_hosts", ["host"], unique=False)
    op.create_table(
        "nova_block_devices",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("volume_id", TEXT, nullable=False),
        sa.Column("attachment_id", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("boot_index", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=True),
        sa.Column("delete_on_termination", sa.Boolean(), nullable=False),
        sa.Column("made_here", sa.Boolean(), nullable=False),
        sa.Column("plugged", sa.Boolean(), nullable=False),
        sa.Column("volume_host", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["nova_servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_nova_block_devices_server_id"), "nova_block_devices", ["server_id"], unique=False
    )
    op.create_index(
        op.f("ix_nova_block_devices_volume_id"), "nova_block_devices", ["volume_id"], unique=False
    )
    op.create_table(
        "nova_flavor_access",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("flavor_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["flavor_id"], ["nova_flavors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "flavor_id", "project_id", name=op.f("uq_nova_flavor_access_flavor_id_project_id")
        ),
    )
    op.create_index(
        op.f("ix_nova_flavor_access_flavor_id"), "nova_flavor_access", ["flavor_id"], unique=False
    )
    op.create_index(
        op.f("ix_nova_flavor_access_project_id"), "nova_flavor_access", ["project_id"], unique=False
    )
    op.create_table(
        "nova_server_tags",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server_id", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["nova_servers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("server_id", "tag", name=op.f("uq_nova_server_tags_server_id_tag")),
    )
    op.create_index(op.f("ix_nova_server_tags_server_id"), "nova_server_tags", ["server_id"], unique=False)
    op.create_index(op.f("ix_nova_server_tags_tag"), "nova_server_tags", ["tag"], unique=False)
