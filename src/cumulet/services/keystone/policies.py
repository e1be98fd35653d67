# SPDX-License-Identifier: Apache-2.0
"""Keystone's default rules: the ones that upstream registers, by name, with the same checks and scopes.

Only here is system scope a right of its own, and only here does a token of domain scope manage its domain.
Rules that speak of `target.` need the API to describe the target under those flat names, for example
`{"target.user.domain_id": ...}`.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

SYSTEM_OR_PROJECT = ("system", "project")
ALL_SCOPES = ("system", "domain", "project")

ANYONE = ""
ADMIN = "rule:admin_required"
SYSTEM_READER = "(role:reader and system_scope:all)"
ADMIN_OR_SYSTEM_READER = f"{ADMIN} or {SYSTEM_READER}"
ADMIN_OR_OWNER = "rule:admin_or_owner"
SERVICE_OR_ADMIN = "rule:service_or_admin"
READERS = f"({ADMIN}) or {SYSTEM_READER}"
READERS_OR_OWNER = f"{READERS} or rule:owner"

OF_TARGET_USER = "user_id:%(target.user.id)s"
SYSTEM_READER_OR_TARGET_USER = f"{SYSTEM_READER} or {OF_TARGET_USER}"
OF_CREDENTIAL_USER = "user_id:%(target.credential.user_id)s"
ADMIN_OR_CREDENTIAL_USER = f"({ADMIN}) or {OF_CREDENTIAL_USER}"
ADMIN_OR_EC2_USER = f"({ADMIN}) or (role:member and {OF_CREDENTIAL_USER})"
READER_OR_CREDENTIAL_USER = f"{READERS} or {OF_CREDENTIAL_USER}"

OF_DOMAIN_OF_PROJECT = "domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s"
PROJECT_READER = f"{READERS} or (role:reader and {OF_DOMAIN_OF_PROJECT}) or project_id:%(target.project.id)s"
PROJECT_MANAGER = f"({ADMIN}) or (role:manager and {OF_DOMAIN_OF_PROJECT})"
GROUP_READER = f"{READERS} or (role:reader and domain_id:%(target.group.domain_id)s)"
GROUP_MANAGER = f"({ADMIN}) or (role:manager and domain_id:%(target.group.domain_id)s)"
OF_DOMAIN_OF_GROUP_AND_USER = "domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s"
MEMBERSHIP_READER = f"{READERS} or (role:reader and {OF_DOMAIN_OF_GROUP_AND_USER})"
MEMBERSHIP_MANAGER = f"({ADMIN}) or (role:manager and {OF_DOMAIN_OF_GROUP_AND_USER})"
USER_READER = f"{READERS} or (role:reader and token.domain.id:%(target.user.domain_id)s) or {OF_TARGET_USER}"
DOMAIN_READER = f"{READERS} or (role:reader and domain_id:%(target.domain_id)s)"
ASSIGNMENT_READER = (
    f"{READERS} or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)"
)
USER_MANAGER = f"({ADMIN}) or (role:manager and token.domain.id:%(target.user.domain_id)s)"

DOMAIN_OF_TOKEN = "token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s"
OF_LIMITED_DOMAIN = "(domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s)"
OF_LIMITED_PROJECT = "(project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)"
OF_TRUSTOR = "user_id:%(target.trust.trustor_user_id)s"
OF_TRUSTEE = "user_id:%(target.trust.trustee_user_id)s"
TRUST_READER = f"({ADMIN}) or (role:reader and system_scope:all or {OF_TRUSTOR} or {OF_TRUSTEE})"


def _grant_within_domain(role: str) -> str:
    """The token's domain owns both the user or group and the project or domain of a grant."""
    return " or ".join(
        f"(role:{role} and domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{place})s)"
        for actor in ("user", "group")
        for place in ("project.domain_id", "domain.id")
    )


ROLE_OF_DOMAIN = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
GRANT_CHECKER = f"({ADMIN}) or ({SYSTEM_READER} or ({_grant_within_domain('reader')}) and {ROLE_OF_DOMAIN})"
GRANT_LISTER = f"({ADMIN}) or ({SYSTEM_READER} or {_grant_within_domain('reader')})"
GRANT_GIVER = (
    f"({ADMIN}) or ({_grant_within_domain('admin')}) and {ROLE_OF_DOMAIN}"
    f" or ({_grant_within_domain('manager')}) and rule:domain_managed_target_role"
)

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "admin_required": Rule("role:admin or is_admin:1", ANY_SCOPE),
    "service_role": Rule("role:service", ANY_SCOPE),
    "service_or_admin": Rule("rule:admin_required or rule:service_role", ANY_SCOPE),
    "owner": Rule("user_id:%(user_id)s", ANY_SCOPE),
    "admin_or_owner": Rule("rule:admin_required or rule:owner", ANY_SCOPE),
    "token_subject": Rule("user_id:%(target.token.user_id)s", ANY_SCOPE),
    "admin_or_token_subject": Rule("rule:admin_required or rule:token_subject", ANY_SCOPE),
    "service_admin_or_token_subject": Rule("rule:service_or_admin or rule:token_subject", ANY_SCOPE),
    "domain_managed_target_role": Rule(
        "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
        ANY_SCOPE,
    ),
    # access rule
    "identity:get_access_rule": Rule(SYSTEM_READER_OR_TARGET_USER, SYSTEM_OR_PROJECT),
    "identity:list_access_rules": Rule(SYSTEM_READER_OR_TARGET_USER, SYSTEM_OR_PROJECT),
    "identity:delete_access_rule": Rule(
        f"(role:admin and system_scope:all) or {OF_TARGET_USER}", SYSTEM_OR_PROJECT
    ),
    # access token
    "identity:authorize_request_token": Rule(ADMIN),
    "identity:get_access_token": Rule(ADMIN),
    "identity:get_access_token_role": Rule(ADMIN),
    "identity:list_access_tokens": Rule(ADMIN),
    "identity:list_access_token_roles": Rule(ADMIN),
    "identity:delete_access_token": Rule(ADMIN),
    # application credential
    "identity:get_application_credential": Rule(READERS_OR_OWNER, SYSTEM_OR_PROJECT),
    "identity:list_application_credentials": Rule(READERS_OR_OWNER, SYSTEM_OR_PROJECT),
    "identity:create_application_credential": Rule("user_id:%(user_id)s"),
    "identity:delete_application_credential": Rule(ADMIN_OR_OWNER, SYSTEM_OR_PROJECT),
    # auth
    "identity:get_auth_catalog": Rule(ANYONE, ANY_SCOPE),
    "identity:get_auth_projects": Rule(ANYONE, ANY_SCOPE),
    "identity:get_auth_domains": Rule(ANYONE, ANY_SCOPE),
    "identity:get_auth_system": Rule(ANYONE, ANY_SCOPE),
    # consumer
    "identity:get_consumer": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_consumers": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_consumer": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_consumer": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_consumer": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # credential
    "identity:get_credential": Rule(READER_OR_CREDENTIAL_USER, ALL_SCOPES),
    "identity:list_credentials": Rule(READER_OR_CREDENTIAL_USER, ALL_SCOPES),
    "identity:create_credential": Rule(ADMIN_OR_CREDENTIAL_USER, ALL_SCOPES),
    "identity:update_credential": Rule(ADMIN_OR_CREDENTIAL_USER, ALL_SCOPES),
    "identity:delete_credential": Rule(ADMIN_OR_CREDENTIAL_USER, ALL_SCOPES),
    # domain
    "identity:get_domain": Rule(f"{ADMIN_OR_SYSTEM_READER} or {DOMAIN_OF_TOKEN}", ALL_SCOPES),
    "identity:list_domains": Rule(
        f"{ADMIN_OR_SYSTEM_READER} or (role:reader and domain_id:%(target.domain.id)s)", ALL_SCOPES
    ),
    "identity:create_domain": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_domain": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_domain": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # domain config
    "identity:create_domain_config": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_domain_config": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:get_security_compliance_domain_config": Rule(ANYONE, ALL_SCOPES),
    "identity:update_domain_config": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_domain_config": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_domain_config_default": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    # ec2 credential
    "identity:ec2_get_credential": Rule(READER_OR_CREDENTIAL_USER, SYSTEM_OR_PROJECT),
    "identity:ec2_list_credentials": Rule(READERS_OR_OWNER, SYSTEM_OR_PROJECT),
    "identity:ec2_create_credential": Rule(ADMIN_OR_EC2_USER, SYSTEM_OR_PROJECT),
    "identity:ec2_delete_credential": Rule(ADMIN_OR_EC2_USER, SYSTEM_OR_PROJECT),
    # endpoint
    "identity:get_endpoint": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_endpoints": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_endpoint": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_endpoint": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_endpoint": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # endpoint group
    "identity:create_endpoint_group": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_endpoint_groups": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:get_endpoint_group": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:update_endpoint_group": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_endpoint_group": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_projects_associated_with_endpoint_group": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_endpoints_associated_with_endpoint_group": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:get_endpoint_group_in_project": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_endpoint_groups_for_project": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:add_endpoint_group_to_project": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:remove_endpoint_group_from_project": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # grant
    "identity:check_grant": Rule(GRANT_CHECKER, ALL_SCOPES),
    "identity:list_grants": Rule(GRANT_LISTER, ALL_SCOPES),
    "identity:create_grant": Rule(GRANT_GIVER, ALL_SCOPES),
    "identity:revoke_grant": Rule(GRANT_GIVER, ALL_SCOPES),
    "identity:list_system_grants_for_user": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:check_system_grant_for_user": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_system_grant_for_user": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:revoke_system_grant_for_user": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_system_grants_for_group": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:check_system_grant_for_group": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_system_grant_for_group": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:revoke_system_grant_for_group": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # group
    "identity:get_group": Rule(GROUP_READER, ALL_SCOPES),
    "identity:list_groups": Rule(GROUP_READER, ALL_SCOPES),
    "identity:list_groups_for_user": Rule(
        f"{READERS} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s",
        ALL_SCOPES,
    ),
    "identity:create_group": Rule(GROUP_MANAGER, ALL_SCOPES),
    "identity:update_group": Rule(GROUP_MANAGER, ALL_SCOPES),
    "identity:delete_group": Rule(GROUP_MANAGER, ALL_SCOPES),
    "identity:list_users_in_group": Rule(GROUP_READER, ALL_SCOPES),
    "identity:remove_user_from_group": Rule(MEMBERSHIP_MANAGER, ALL_SCOPES),
    "identity:check_user_in_group": Rule(MEMBERSHIP_READER, ALL_SCOPES),
    "identity:add_user_to_group": Rule(MEMBERSHIP_MANAGER, ALL_SCOPES),
    # identity provider
    "identity:create_identity_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_identity_providers": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:get_identity_provider": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:update_identity_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_identity_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # implied role
    "identity:get_implied_role": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_implied_roles": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_implied_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_implied_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_role_inference_rules": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:check_implied_role": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    # limit
    "identity:get_limit_model": Rule(ANYONE, ALL_SCOPES),
    "identity:get_limit": Rule(
        f"{ADMIN_OR_SYSTEM_READER} or {OF_LIMITED_DOMAIN} or {OF_LIMITED_PROJECT}", ALL_SCOPES
    ),
    "identity:list_limits": Rule(ANYONE, ALL_SCOPES),
    "identity:create_limits": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_limit": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_limit": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # mapping
    "identity:create_mapping": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_mapping": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_mappings": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:delete_mapping": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_mapping": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # policy
    "identity:get_policy": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_policies": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_policy": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_policy": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_policy": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # policy association
    "identity:create_policy_association_for_endpoint": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:check_policy_association_for_endpoint": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:delete_policy_association_for_endpoint": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:create_policy_association_for_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:check_policy_association_for_service": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:delete_policy_association_for_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:create_policy_association_for_region_and_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:check_policy_association_for_region_and_service": Rule(
        ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT
    ),
    "identity:delete_policy_association_for_region_and_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_policy_for_endpoint": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_endpoints_for_policy": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    # project
    "identity:get_project": Rule(PROJECT_READER, ALL_SCOPES),
    "identity:list_projects": Rule(DOMAIN_READER, ALL_SCOPES),
    "identity:list_user_projects": Rule(
        f"{READERS} or (role:reader and domain_id:%(target.user.domain_id)s) or {OF_TARGET_USER}", ALL_SCOPES
    ),
    "identity:create_project": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:update_project": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:delete_project": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:list_project_tags": Rule(PROJECT_READER, ALL_SCOPES),
    "identity:get_project_tag": Rule(PROJECT_READER, ALL_SCOPES),
    "identity:update_project_tags": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:create_project_tag": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:delete_project_tags": Rule(PROJECT_MANAGER, ALL_SCOPES),
    "identity:delete_project_tag": Rule(PROJECT_MANAGER, ALL_SCOPES),
    # project endpoint
    "identity:list_projects_for_endpoint": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:add_endpoint_to_project": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:check_endpoint_in_project": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_endpoints_for_project": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:remove_endpoint_from_project": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # protocol
    "identity:create_protocol": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_protocol": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_protocol": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_protocols": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:delete_protocol": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # region
    "identity:get_region": Rule(ANYONE, ALL_SCOPES),
    "identity:list_regions": Rule(ANYONE, ALL_SCOPES),
    "identity:create_region": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_region": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_region": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # registered limit
    "identity:get_registered_limit": Rule(ANYONE, ALL_SCOPES),
    "identity:list_registered_limits": Rule(ANYONE, ALL_SCOPES),
    "identity:create_registered_limits": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_registered_limit": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_registered_limit": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # revoke event
    "identity:list_revoke_events": Rule(SERVICE_OR_ADMIN, SYSTEM_OR_PROJECT),
    # role
    "identity:get_role": Rule(
        f"({ADMIN_OR_SYSTEM_READER}) or (role:manager and rule:domain_managed_target_role)", ALL_SCOPES
    ),
    "identity:list_roles": Rule(
        f"({ADMIN_OR_SYSTEM_READER}) or (role:manager and not domain_id:None)", ALL_SCOPES
    ),
    "identity:create_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:get_domain_role": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_domain_roles": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_domain_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_domain_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_domain_role": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # role assignment
    "identity:list_role_assignments": Rule(ASSIGNMENT_READER, ALL_SCOPES),
    "identity:list_role_assignments_for_tree": Rule(ASSIGNMENT_READER, ALL_SCOPES),
    # s3tokens
    "identity:s3tokens_validate": Rule(SERVICE_OR_ADMIN, ALL_SCOPES),
    # ec2tokens
    "identity:ec2tokens_validate": Rule(SERVICE_OR_ADMIN, ALL_SCOPES),
    # service
    "identity:get_service": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_services": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:create_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:update_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_service": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # service provider
    "identity:create_service_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:list_service_providers": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:get_service_provider": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:update_service_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    "identity:delete_service_provider": Rule(ADMIN, SYSTEM_OR_PROJECT),
    # token revocation
    "identity:revocation_list": Rule(SERVICE_OR_ADMIN, SYSTEM_OR_PROJECT),
    # token
    "identity:check_token": Rule(f"{ADMIN_OR_SYSTEM_READER} or rule:token_subject", ALL_SCOPES),
    "identity:validate_token": Rule(
        f"{ADMIN_OR_SYSTEM_READER} or rule:service_role or rule:token_subject", ALL_SCOPES
    ),
    "identity:revoke_token": Rule(f"{ADMIN} or rule:token_subject", ALL_SCOPES),
    # trust
    "identity:create_trust": Rule(OF_TRUSTOR),
    "identity:list_trusts": Rule(ADMIN_OR_SYSTEM_READER, SYSTEM_OR_PROJECT),
    "identity:list_trusts_for_trustor": Rule(
        f"({ADMIN}) or (role:reader and system_scope:all or {OF_TRUSTOR})", SYSTEM_OR_PROJECT
    ),
    "identity:list_trusts_for_trustee": Rule(
        f"({ADMIN}) or (role:reader and system_scope:all or {OF_TRUSTEE})", SYSTEM_OR_PROJECT
    ),
    "identity:list_roles_for_trust": Rule(TRUST_READER, SYSTEM_OR_PROJECT),
    "identity:get_role_for_trust": Rule(TRUST_READER, SYSTEM_OR_PROJECT),
    "identity:delete_trust": Rule(f"{ADMIN} or {OF_TRUSTOR}", SYSTEM_OR_PROJECT),
    "identity:get_trust": Rule(TRUST_READER, SYSTEM_OR_PROJECT),
    # user
    "identity:get_user": Rule(USER_READER, ALL_SCOPES),
    "identity:list_users": Rule(DOMAIN_READER, ALL_SCOPES),
    "identity:list_projects_for_user": Rule(ANYONE, ANY_SCOPE),
    "identity:list_domains_for_user": Rule(ANYONE, ANY_SCOPE),
    "identity:create_user": Rule(USER_MANAGER, ALL_SCOPES),
    "identity:update_user": Rule(USER_MANAGER, ALL_SCOPES),
    "identity:delete_user": Rule(USER_MANAGER, ALL_SCOPES),
    "identity:revoke_tokens_for_user": Rule(ADMIN_OR_OWNER, ALL_SCOPES),
}
