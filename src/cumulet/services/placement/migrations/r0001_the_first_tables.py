# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "placement_consumers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=True),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_placement_consumers_project_id"), "placement_consumers", ["project_id"], unique=False
    )
    op.create_table(
        "placement_resource_classes",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "placement_resource_providers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("root_id", TEXT, nullable=False),
        sa.Column("shard", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["placement_resource_providers.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_placement_resource_providers_name")),
    )
    op.create_index(
        op.f("ix_placement_resource_providers_parent_id"),
        "placement_resource_providers",
        ["parent_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_placement_resource_providers_root_id"),
        "placement_resource_providers",
        ["root_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_placement_resource_providers_shard"), "placement_resource_providers", ["shard"], unique=False
    )
    op.create_table(
        "placement_shards",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "placement_traits",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "placement_allocations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("consumer_id", TEXT, nullable=False),
        sa.Column("provider_id", TEXT, nullable=False),
        sa.Column("resource_class", TEXT, nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["consumer_id"], ["placement_consumers.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["provider_id"], ["placement_resource_providers.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_placement_allocations_consumer_id"), "placement_allocations", ["consumer_id"], unique=False
    )
    op.create_index(
        op.f("ix_placement_allocations_provider_id_resource_class"),
        "placement_allocations",
        ["provider_id", "resource_class"],
        unique=False,
    )
    op.create_table(
        "placement_inventories",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("provider_id", TEXT, nullable=False),
        sa.Column("resource_class", TEXT, nullable=False),
        sa.Column("total", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reserved", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("min_unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("max_unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step_size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("allocation_ratio", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["placement_resource_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_placement_inventories_provider_id"), "placement_inventories", ["provider_id"], unique=False
    )
    op.create_index(
        op.f("ix_placement_inventories_resource_class"),
        "placement_inventories",
        ["resource_class"],
        unique=False,
    )
    op.create_table(
        "placement_provider_aggregates",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("provider_id", TEXT, nullable=False),
        sa.Column("aggregate_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["placement_resource_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_placement_provider_aggregates_aggregate_id"),
        "placement_provider_aggregates",
        ["aggregate_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_placement_provider_aggregates_provider_id"),
        "placement_provider_aggregates",
        ["provider_id"],
        unique=False,
    )
    op.create_table(
        "placement_provider_traits",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("provider_id", TEXT, nullable=False),
        sa.Column("trait", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["placement_resource_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_placement_provider_traits_provider_id"),
        "placement_provider_traits",
        ["provider_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_placement_provider_traits_trait"), "placement_provider_traits", ["trait"], unique=False
    )
