# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "neutron_address_scopes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("ip_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_address_scopes_project_id"), "neutron_address_scopes", ["project_id"], unique=False
    )
    op.create_table(
        "neutron_agents",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("agent_type", TEXT, nullable=False),
        sa.Column("binary", TEXT, nullable=False),
        sa.Column("topic", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("availability_zone", TEXT, nullable=False),
        sa.Column("configurations", sa.Text(), nullable=False),
        sa.Column("resources_synced", sa.Boolean(), nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_neutron_agents_host"), "neutron_agents", ["host"], unique=False)
    op.create_table(
        "neutron_networks",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("mtu", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("port_security_enabled", sa.Boolean(), nullable=False),
        sa.Column("network_type", TEXT, nullable=True),
        sa.Column("physical_network", TEXT, nullable=True),
        sa.Column("segmentation_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("dns_domain", TEXT, nullable=False),
        sa.Column("availability_zone_hints", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "network_type",
            "physical_network",
            "segmentation_id",
            name=op.f("uq_neutron_networks_network_type_physical_network_segmentation_id"),
        ),
    )
    op.create_index(op.f("ix_neutron_networks_project_id"), "neutron_networks", ["project_id"], unique=False)
    op.create_table(
        "neutron_security_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("stateful", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_security_groups_project_id"), "neutron_security_groups", ["project_id"], unique=False
    )
    op.create_table(
        "neutron_tags",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("resource_id", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("resource_id", "tag", name=op.f("uq_neutron_tags_resource_id_tag")),
    )
    op.create_index(op.f("ix_neutron_tags_resource_id"), "neutron_tags", ["resource_id"], unique=False)
    op.create_index(op.f("ix_neutron_tags_tag"), "neutron_tags", ["tag"], unique=False)
    op.create_table(
        "neutron_default_security_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["neutron_security_groups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_default_security_groups_group_id"),
        "neutron_default_security_groups",
        ["group_id"],
        unique=False,
    )
    op.create_table(
        "neutron_ports",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("network_id", TEXT, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("mac_address", TEXT, nullable=False),
        sa.Column("device_id", TEXT, nullable=False),
        sa.Column("device_owner", TEXT, nullable=False),
        sa.Column("port_security_enabled", sa.Boolean(), nullable=False),
        sa.Column("allowed_address_pairs", sa.Text(), nullable=False),
        sa.Column("extra_dhcp_opts", sa.Text(), nullable=False),
        sa.Column("dns_name", TEXT, nullable=False),
        sa.Column("dns_domain", TEXT, nullable=False),
        sa.Column("ip_allocation", TEXT, nullable=False),
        sa.Column("vnic_type", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("vif_type", TEXT, nullable=False),
        sa.Column("made_for_server", sa.Boolean(), nullable=False),
        sa.Column("nic_tag", TEXT, nullable=True),
        sa.Column("nic_order", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["network_id"], ["neutron_networks.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "network_id", "mac_address", name=op.f("uq_neutron_ports_network_id_mac_address")
        ),
    )
    op.create_index(op.f("ix_neutron_ports_device_id"), "neutron_ports", ["device_id"], unique=False)
    op.create_index(
        op.f("ix_neutron_ports_host_network_id"), "neutron_ports", ["host", "network_id"], unique=False
    )
    op.create_index(op.f("ix_neutron_ports_project_id"), "neutron_ports", ["project_id"], unique=False)
    op.create_table(
        "neutron_security_group_rules",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("security_group_id", TEXT, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("ethertype", TEXT, nullable=False),
        sa.Column("protocol", TEXT, nullable=True),
        sa.Column("port_range_min", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("port_range_max", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("remote_ip_prefix", TEXT, nullable=True),
        sa.Column("remote_group_id", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["security_group_id"], ["neutron_security_groups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_security_group_rules_project_id"),
        "neutron_security_group_rules",
        ["project_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_security_group_rules_remote_group_id"),
        "neutron_security_group_rules",
        ["remote_group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_security_group_rules_security_group_id"),
        "neutron_security_group_rules",
        ["security_group_id"],
        unique=False,
    )
    op.create_table(
        "neutron_subnetpools",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("prefixes", sa.Text(), nullable=False),
        sa.Column("ip_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("min_prefixlen", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("max_prefixlen", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("default_prefixlen", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("default_quota", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("address_scope_id", TEXT, nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["address_scope_id"], ["neutron_address_scopes.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_subnetpools_address_scope_id"),
        "neutron_subnetpools",
        ["address_scope_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_subnetpools_project_id"), "neutron_subnetpools", ["project_id"], unique=False
    )
    op.create_table(
        "neutron_port_security_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("port_id", TEXT, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["neutron_security_groups.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["port_id"], ["neutron_ports.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "port_id", "group_id", name=op.f("uq_neutron_port_security_groups_port_id_group_id")
        ),
    )
    op.create_index(
        op.f("ix_neutron_port_security_groups_group_id"),
        "neutron_port_security_groups",
        ["group_id"],
        unique=False,
    )
    op.create_table(
        "neutron_routers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("routes", sa.Text(), nullable=False),
        sa.Column("availability_zone_hints", sa.Text(), nullable=False),
        sa.Column("enable_snat", sa.Boolean(), nullable=False),
        sa.Column("gateway_network_id", TEXT, nullable=True),
        sa.Column("gateway_port_id", TEXT, nullable=True),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["gateway_network_id"], ["neutron_networks.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["gateway_port_id"], ["neutron_ports.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_routers_gateway_network_id"), "neutron_routers", ["gateway_network_id"], unique=False
    )
    op.create_index(
        op.f("ix_neutron_routers_gateway_port_id"), "neutron_routers", ["gateway_port_id"], unique=False
    )
    op.create_index(op.f("ix_neutron_routers_host"), "neutron_routers", ["host"], unique=False)
    op.create_index(op.f("ix_neutron_routers_project_id"), "neutron_routers", ["project_id"], unique=False)
    op.create_table(
        "neutron_subnets",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("network_id", TEXT, nullable=False),
        sa.Column("ip_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cidr", TEXT, nullable=False),
        sa.Column("gateway_ip", TEXT, nullable=True),
        sa.Column("allocation_pools", sa.Text(), nullable=False),
        sa.Column("dns_nameservers", sa.Text(), nullable=False),
        sa.Column("host_routes", sa.Text(), nullable=False),
        sa.Column("enable_dhcp", sa.Boolean(), nullable=False),
        sa.Column("ipv6_ra_mode", TEXT, nullable=True),
        sa.Column("ipv6_address_mode", TEXT, nullable=True),
        sa.Column("subnetpool_id", TEXT, nullable=True),
        sa.Column("segment_id", TEXT, nullable=True),
        sa.Column("service_types", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["network_id"], ["neutron_networks.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["subnetpool_id"], ["neutron_subnetpools.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_neutron_subnets_network_id"), "neutron_subnets", ["network_id"], unique=False)
    op.create_index(op.f("ix_neutron_subnets_project_id"), "neutron_subnets", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_neutron_subnets_subnetpool_id"), "neutron_subnets", ["subnetpool_id"], unique=False
    )
    op.create_table(
        "neutron_addresses",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("subnet_id", TEXT, nullable=False),
        sa.Column("ip_address", TEXT, nullable=False),
        sa.Column("port_id", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["neutron_ports.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["subnet_id"], ["neutron_subnets.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_neutron_addresses_ip_address"), "neutron_addresses", ["ip_address"], unique=False
    )
    op.create_index(
        op.f("ix_neutron_addresses_port_id_position"),
        "neutron_addresses",
        ["port_id", "position"],
        unique=False,
    )
    op.create_index(op.f("ix_neutron_addresses_subnet_id"), "neutron_addresses", ["subnet_id"], unique=False)
    op.create_table(
        "neutron_floatingips",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("floating_network_id", TEXT, nullable=False),
        sa.Column("floating_ip_address", TEXT, nullable=False),
        sa.Column("floating_port_id", TEXT, nullable=False),
        sa.Column("port_id", TEXT, nullable=True),
        sa.Column("fixed_ip_address", TEXT, nullable=True),
        sa.Column("router_id", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("dns_name", TEXT, nullable=False),
        sa.Column("dns_domain", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["floating_network_id"], ["neutron_networks.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["port_id"], ["neutron_ports.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["router_id"], ["neutron_routers.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "port_id",
            "fixed_ip_address",
            "floating_network_id",
            name=op.f("uq_neutron_floatingips_port_id_fixed_ip_address_floating_network_id"),
        ),
    )
    op.create_index(
        op.f("ix_neutron_floatingips_floating_ip_address"),
        "neutron_floatingips",
        ["floating_ip_address"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_floatingips_floating_network_id"),
        "neutron_floatingips",
        ["floating_network_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_floatingips_floating_port_id"),
        "neutron_floatingips",
        ["floating_port_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_neutron_floatingips_project_id"), "neutron_floatingips", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_neutron_floatingips_router_id"), "neutron_floatingips", ["router_id"], unique=False
    )
