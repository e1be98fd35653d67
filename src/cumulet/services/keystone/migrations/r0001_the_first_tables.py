# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "keystone_access_rules",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("service_type", TEXT, nullable=False),
        sa.Column("url_path", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_access_rules_user_id"), "keystone_access_rules", ["user_id"], unique=False
    )
    op.create_table(
        "keystone_application_credentials",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("access_rule_ids", sa.Text(), nullable=True),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_keystone_application_credentials_user_id_name")),
    )
    op.create_index(
        op.f("ix_keystone_application_credentials_project_id"),
        "keystone_application_credentials",
        ["project_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_application_credentials_user_id"),
        "keystone_application_credentials",
        ["user_id"],
        unique=False,
    )
    op.create_table(
        "keystone_consumers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_credentials",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_credentials_project_id"), "keystone_credentials", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_credentials_user_id"), "keystone_credentials", ["user_id"], unique=False
    )
    op.create_table(
        "keystone_domain_options",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("group", TEXT, nullable=False),
        sa.Column("option", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_domain_options_domain_id"), "keystone_domain_options", ["domain_id"], unique=False
    )
    op.create_table(
        "keystone_endpoint_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("filters", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_endpoints",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("interface", TEXT, nullable=False),
        sa.Column("region_id", TEXT, nullable=True),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("bootstrapped", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_endpoints_service_id"), "keystone_endpoints", ["service_id"], unique=False
    )
    op.create_table(
        "keystone_epoch",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("local_id", TEXT, nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "domain_id", "name", "local_id", name=op.f("uq_keystone_groups_domain_id_name_local_id")
        ),
    )
    op.create_table(
        "keystone_identity_providers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("authorization_ttl", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("era", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_identity_providers_domain_id"),
        "keystone_identity_providers",
        ["domain_id"],
        unique=False,
    )
    op.create_table(
        "keystone_limits",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("region_id", TEXT, nullable=False),
        sa.Column("resource_name", TEXT, nullable=False),
        sa.Column("resource_limit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "project_id",
            "domain_id",
            "service_id",
            "region_id",
            "resource_name",
            name=op.f("uq_keystone_limits_project_id_domain_id_service_id_region_id_resource_name"),
        ),
    )
    op.create_index(
        op.f("ix_keystone_limits_service_id_resource_name"),
        "keystone_limits",
        ["service_id", "resource_name"],
        unique=False,
    )
    op.create_table(
        "keystone_mappings",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("schema_version", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_policies",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_projects",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("is_domain", sa.Boolean(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_keystone_projects_domain_id_name")),
    )
    op.create_index(op.f("ix_keystone_projects_parent_id"), "keystone_projects", ["parent_id"], unique=False)
    op.create_table(
        "keystone_regions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("parent_region_id", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_registered_limits",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("region_id", TEXT, nullable=False),
        sa.Column("resource_name", TEXT, nullable=False),
        sa.Column("default_limit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "service_id",
            "region_id",
            "resource_name",
            name=op.f("uq_keystone_registered_limits_service_id_region_id_resource_name"),
        ),
    )
    op.create_table(
        "keystone_revocations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("revoked_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_revocations_revoked_at"), "keystone_revocations", ["revoked_at"], unique=False
    )
    op.create_table(
        "keystone_revoked_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_revoked_tokens_expires_at"), "keystone_revoked_tokens", ["expires_at"], unique=False
    )
    op.create_table(
        "keystone_roles",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_keystone_roles_domain_id_name")),
    )
    op.create_table(
        "keystone_service_providers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("auth_url", TEXT, nullable=False),
        sa.Column("sp_url", TEXT, nullable=False),
        sa.Column("relay_state_prefix", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_services",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("bootstrapped", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "keystone_trusts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("trustor_user_id", TEXT, nullable=False),
        sa.Column("trustee_user_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("remaining_uses", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("used_up_at", TEXT, nullable=True),
        sa.Column("redelegated_trust_id", TEXT, nullable=True),
        sa.Column("redelegation_count", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "trustor_user_id",
            "trustee_user_id",
            "project_id",
            "impersonation",
            "expires_at",
            name=op.f(
                "uq_keystone_trusts_trustor_user_id_trustee_user_id_project_id_impersonation_expires_at"
            ),
        ),
    )
    op.create_index(op.f("ix_keystone_trusts_expires_at"), "keystone_trusts", ["expires_at"], unique=False)
    op.create_index(op.f("ix_keystone_trusts_project_id"), "keystone_trusts", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_keystone_trusts_redelegated_trust_id"),
        "keystone_trusts",
        ["redelegated_trust_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_trusts_trustee_user_id"), "keystone_trusts", ["trustee_user_id"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_trusts_trustor_user_id"), "keystone_trusts", ["trustor_user_id"], unique=False
    )
    op.create_index(op.f("ix_keystone_trusts_used_up_at"), "keystone_trusts", ["used_up_at"], unique=False)
    op.create_table(
        "keystone_users",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("default_project_id", TEXT, nullable=True),
        sa.Column("password_expires_at", TEXT, nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("visitor", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("password_created_at", TEXT, nullable=True),
        sa.Column("password_self_service", sa.Boolean(), nullable=False),
        sa.Column("failed_auth_count", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("failed_auth_at", TEXT, nullable=True),
        sa.Column("last_active_at", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("local_id", TEXT, nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "domain_id",
            "name",
            "local_id",
            "visitor",
            name=op.f("uq_keystone_users_domain_id_name_local_id_visitor"),
        ),
    )
    op.create_table(
        "keystone_access_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("consumer_id", TEXT, nullable=False),
        sa.Column("authorizing_user_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["consumer_id"], ["keystone_consumers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_access_tokens_authorizing_user_id"),
        "keystone_access_tokens",
        ["authorizing_user_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_access_tokens_consumer_id"), "keystone_access_tokens", ["consumer_id"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_access_tokens_project_id"), "keystone_access_tokens", ["project_id"], unique=False
    )
    op.create_table(
        "keystone_assertions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("idp_id", TEXT, nullable=False),
        sa.Column("protocol_id", TEXT, nullable=False),
        sa.Column("group_ids", sa.Text(), nullable=False),
        sa.Column("seen_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["idp_id"], ["keystone_identity_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_assertions_idp_id_protocol_id"),
        "keystone_assertions",
        ["idp_id", "protocol_id"],
        unique=False,
    )
    op.create_index(op.f("ix_keystone_assertions_seen_at"), "keystone_assertions", ["seen_at"], unique=False)
    op.create_table(
        "keystone_assignments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("actor_kind", TEXT, nullable=False),
        sa.Column("actor_id", TEXT, nullable=False),
        sa.Column("target_kind", TEXT, nullable=False),
        sa.Column("target_id", TEXT, nullable=False),
        sa.Column("role_id", TEXT, nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["keystone_roles.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_assignments_actor_id_target_kind"),
        "keystone_assignments",
        ["actor_id", "target_kind"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_assignments_role_id"), "keystone_assignments", ["role_id"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_assignments_target_id"), "keystone_assignments", ["target_id"], unique=False
    )
    op.create_table(
        "keystone_federated_users",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("idp_id", TEXT, nullable=False),
        sa.Column("protocol_id", TEXT, nullable=False),
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["idp_id"], ["keystone_identity_providers.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["keystone_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_federated_users_idp_id_protocol_id"),
        "keystone_federated_users",
        ["idp_id", "protocol_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_federated_users_unique_id"), "keystone_federated_users", ["unique_id"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_federated_users_user_id"), "keystone_federated_users", ["user_id"], unique=False
    )
    op.create_table(
        "keystone_idp_remote_ids",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("idp_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["idp_id"], ["keystone_identity_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_idp_remote_ids_idp_id"), "keystone_idp_remote_ids", ["idp_id"], unique=False
    )
    op.create_table(
        "keystone_implied_roles",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("prior_role_id", TEXT, nullable=False),
        sa.Column("implied_role_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["implied_role_id"], ["keystone_roles.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["prior_role_id"], ["keystone_roles.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_implied_roles_implied_role_id"),
        "keystone_implied_roles",
        ["implied_role_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_implied_roles_prior_role_id"),
        "keystone_implied_roles",
        ["prior_role_id"],
        unique=False,
    )
    op.create_table(
        "keystone_memberships",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("idp_id", TEXT, nullable=True),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["keystone_groups.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["idp_id"], ["keystone_identity_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_memberships_expires_at"), "keystone_memberships", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_keystone_memberships_group_id"), "keystone_memberships", ["group_id"], unique=False
    )
    op.create_index(op.f("ix_keystone_memberships_idp_id"), "keystone_memberships", ["idp_id"], unique=False)
    op.create_index(
        op.f("ix_keystone_memberships_user_id"), "keystone_memberships", ["user_id"], unique=False
    )
    op.create_table(
        "keystone_old_passwords",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["keystone_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_old_passwords_user_id"), "keystone_old_passwords", ["user_id"], unique=False
    )
    op.create_table(
        "keystone_policy_associations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("policy_id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=True),
        sa.Column("service_id", TEXT, nullable=True),
        sa.Column("region_id", TEXT, nullable=True),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["keystone_endpoints.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["policy_id"], ["keystone_policies.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["region_id"], ["keystone_regions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["keystone_services.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_policy_associations_endpoint_id"),
        "keystone_policy_associations",
        ["endpoint_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_policy_associations_policy_id"),
        "keystone_policy_associations",
        ["policy_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_policy_associations_region_id"),
        "keystone_policy_associations",
        ["region_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_policy_associations_service_id"),
        "keystone_policy_associations",
        ["service_id"],
        unique=False,
    )
    op.create_table(
        "keystone_project_endpoint_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("endpoint_group_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["endpoint_group_id"], ["keystone_endpoint_groups.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["keystone_projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_project_endpoint_groups_endpoint_group_id"),
        "keystone_project_endpoint_groups",
        ["endpoint_group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_project_endpoint_groups_project_id"),
        "keystone_project_endpoint_groups",
        ["project_id"],
        unique=False,
    )
    op.create_table(
        "keystone_project_endpoints",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["keystone_endpoints.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["keystone_projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_project_endpoints_endpoint_id"),
        "keystone_project_endpoints",
        ["endpoint_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_project_endpoints_project_id"),
        "keystone_project_endpoints",
        ["project_id"],
        unique=False,
    )
    op.create_table(
        "keystone_project_tags",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["keystone_projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_keystone_project_tags_name"), "keystone_project_tags", ["name"], unique=False)
    op.create_index(
        op.f("ix_keystone_project_tags_project_id"), "keystone_project_tags", ["project_id"], unique=False
    )
    op.create_table(
        "keystone_protocols",
        sa.Column("row_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("idp_id", TEXT, nullable=False),
        sa.Column("mapping_id", TEXT, nullable=False),
        sa.Column("remote_id_attribute", TEXT, nullable=True),
        sa.Column("era", TEXT, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["idp_id"], ["keystone_identity_providers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index(op.f("ix_keystone_protocols_idp_id"), "keystone_protocols", ["idp_id"], unique=False)
    op.create_table(
        "keystone_request_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("consumer_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("verifier", TEXT, nullable=True),
        sa.Column("authorizing_user_id", TEXT, nullable=True),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["consumer_id"], ["keystone_consumers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_keystone_request_tokens_authorizing_user_id"),
        "keystone_request_tokens",
        ["authorizing_user_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_request_tokens_consumer_id"),
        "keystone_request_tokens",
        ["consumer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_keystone_request_tokens_project_id"), "keystone_request_tokens", ["project_id"], unique=False
    )
    op.create_table(
        "keystone_used_passcodes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("period", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["id"], ["keystone_credentials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
