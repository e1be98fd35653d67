# SPDX-License-Identifier: Apache-2.0
"""JSON home: where everything is, by the relations under which clients know it."""

import re
from pathlib import Path

from cumulet.services.keystone import json_home
from cumulet.services.keystone.service import SERVICE
from cumulet.testing.identity import Talk, converse

BASE = "https://docs.openstack.org/api/openstack-identity/3"
UPSTREAMS = """
/OS-EP-FILTER/endpoint_groups OS-EP-FILTER:endpoint_groups
/OS-EP-FILTER/endpoint_groups/{} OS-EP-FILTER:endpoint_group
/OS-EP-FILTER/endpoint_groups/{}/endpoints OS-EP-FILTER:endpoints_in_endpoint_group
/OS-EP-FILTER/endpoint_groups/{}/projects OS-EP-FILTER:projects_associated_with_endpoint_group
/OS-EP-FILTER/endpoint_groups/{}/projects/{} OS-EP-FILTER:endpoint_group_to_project_association
/OS-EP-FILTER/endpoints/{}/projects OS-EP-FILTER:endpoint_projects
/OS-EP-FILTER/projects/{}/endpoint_groups OS-EP-FILTER:project_endpoint_groups
/OS-EP-FILTER/projects/{}/endpoints OS-EP-FILTER:project_endpoints
/OS-EP-FILTER/projects/{}/endpoints/{} OS-EP-FILTER:project_endpoint
/OS-FEDERATION/domains OS-FEDERATION:domains
/OS-FEDERATION/identity_providers OS-FEDERATION:identity_providers
/OS-FEDERATION/identity_providers/{} OS-FEDERATION:identity_provider
/OS-FEDERATION/identity_providers/{}/protocols OS-FEDERATION:identity_provider_protocols
/OS-FEDERATION/identity_providers/{}/protocols/{} OS-FEDERATION:identity_provider_protocol
/OS-FEDERATION/identity_providers/{}/protocols/{}/auth OS-FEDERATION:identity_provider_protocol_auth
/OS-FEDERATION/mappings OS-FEDERATION:mappings
/OS-FEDERATION/mappings/{} OS-FEDERATION:mapping
/OS-FEDERATION/projects OS-FEDERATION:projects
/OS-FEDERATION/saml2/metadata OS-FEDERATION:metadata
/OS-FEDERATION/service_providers OS-FEDERATION:service_providers
/OS-FEDERATION/service_providers/{} OS-FEDERATION:service_provider
/OS-INHERIT/domains/{}/groups/{}/roles/inherited_to_projects OS-INHERIT:domain_group_roles_inherited_to_projects
/OS-INHERIT/domains/{}/groups/{}/roles/{}/inherited_to_projects OS-INHERIT:domain_group_role_inherited_to_projects
/OS-INHERIT/domains/{}/users/{}/roles/inherited_to_projects OS-INHERIT:domain_user_roles_inherited_to_projects
/OS-INHERIT/domains/{}/users/{}/roles/{}/inherited_to_projects OS-INHERIT:domain_user_role_inherited_to_projects
/OS-INHERIT/projects/{}/groups/{}/roles/{}/inherited_to_projects OS-INHERIT:project_group_role_inherited_to_projects
/OS-INHERIT/projects/{}/users/{}/roles/{}/inherited_to_projects OS-INHERIT:project_user_role_inherited_to_projects
/OS-OAUTH1/access_token OS-OAUTH1:access_tokens
/OS-OAUTH1/authorize/{} OS-OAUTH1:authorize_request_token
/OS-OAUTH1/consumers OS-OAUTH1:consumers
/OS-OAUTH1/consumers/{} OS-OAUTH1:consumer
/OS-OAUTH1/request_token OS-OAUTH1:request_tokens
/OS-OAUTH2/token OS-OAUTH2:token
/OS-REVOKE/events OS-REVOKE:events
/OS-SIMPLE-CERT/ca OS-SIMPLE-CERT:ca_certificate
/OS-SIMPLE-CERT/certificates OS-SIMPLE-CERT:certificates
/OS-TRUST/trusts OS-TRUST:trusts
/OS-TRUST/trusts/{} OS-TRUST:trust
/OS-TRUST/trusts/{}/roles OS-TRUST:trust_roles
/OS-TRUST/trusts/{}/roles/{} OS-TRUST:trust_role
/auth/OS-FEDERATION/identity_providers/{}/protocols/{}/websso OS-FEDERATION:identity_providers_websso
/auth/OS-FEDERATION/saml2 OS-FEDERATION:saml2
/auth/OS-FEDERATION/saml2/ecp OS-FEDERATION:ecp
/auth/OS-FEDERATION/websso/{} OS-FEDERATION:websso
/auth/catalog auth_catalog
/auth/domains auth_domains
/auth/projects auth_projects
/auth/system auth_system
/auth/tokens auth_tokens
/auth/tokens/OS-PKI/revoked OS-PKI:revocations
/credentials credentials
/credentials/{} credential
/domains domains
/domains/config/default domain_config_default
/domains/config/{}/default domain_config_default_group
/domains/config/{}/{}/default domain_config_default_option
/domains/{} domain
/domains/{}/config domain_config
/domains/{}/config/{} domain_config_group
/domains/{}/config/{}/{} domain_config_option
/domains/{}/groups/{}/roles domain_group_roles
/domains/{}/groups/{}/roles/{} domain_group_role
/domains/{}/users/{}/roles domain_user_roles
/domains/{}/users/{}/roles/{} domain_user_role
/ec2tokens OS-EC2:ec2tokens
/endpoints endpoints
/endpoints/{} endpoint
/endpoints/{}/OS-ENDPOINT-POLICY/policy OS-ENDPOINT-POLICY:endpoint_policy
/groups groups
/groups/{} group
/groups/{}/users group_users
/groups/{}/users/{} group_user
/limits limits
/limits/model limit_model
/limits/{} limit
/policies policies
/policies/{} policy
/policies/{}/OS-ENDPOINT-POLICY/endpoints OS-ENDPOINT-POLICY:policy_endpoints
/policies/{}/OS-ENDPOINT-POLICY/endpoints/{} OS-ENDPOINT-POLICY:endpoint_policy_association
/policies/{}/OS-ENDPOINT-POLICY/services/{} OS-ENDPOINT-POLICY:service_policy_association
/policies/{}/OS-ENDPOINT-POLICY/services/{}/regions/{} OS-ENDPOINT-POLICY:region_and_service_policy_association
/projects projects
/projects/{} project
/projects/{}/groups/{}/roles project_group_roles
/projects/{}/groups/{}/roles/{} project_group_role
/projects/{}/tags project_tags
/projects/{}/tags/{} project_tags
/projects/{}/users/{}/roles project_user_roles
/projects/{}/users/{}/roles/{} project_user_role
/regions regions
/regions/{} region
/registered_limits registered_limits
/registered_limits/{} registered_limit
/role_assignments role_assignments
/role_inferences role_inferences
/roles roles
/roles/{} role
/roles/{}/implies implied_roles
/roles/{}/implies/{} implied_role
/s3tokens s3tokens:s3tokens
/services services
/services/{} service
/system/groups/{}/roles system_group_roles
/system/groups/{}/roles/{} system_group_role
/system/users/{}/roles system_user_roles
/system/users/{}/roles/{} system_user_role
/users users
/users/{} user
/users/{}/OS-OAUTH1/access_tokens OS-OAUTH1:user_access_tokens
/users/{}/OS-OAUTH1/access_tokens/{} OS-OAUTH1:user_access_token
/users/{}/OS-OAUTH1/access_tokens/{}/roles OS-OAUTH1:user_access_token_roles
/users/{}/OS-OAUTH1/access_tokens/{}/roles/{} OS-OAUTH1:user_access_token_role
/users/{}/access_rules access_rules
/users/{}/access_rules/{} access_rule
/users/{}/application_credentials application_credentials
/users/{}/application_credentials/{} application_credential
/users/{}/credentials/OS-EC2 OS-EC2:user_credentials
/users/{}/credentials/OS-EC2/{} OS-EC2:user_credential
/users/{}/groups user_groups
/users/{}/password user_change_password
/users/{}/projects user_projects
"""  # noqa: E501
"""Upstream's paths, and what each is called, below its extension if it has one."""
OURS = {
    "/OS-INHERIT/projects/{}/groups/{}/roles/inherited_to_projects",
    "/OS-INHERIT/projects/{}/users/{}/roles/inherited_to_projects",
    "/users/{}/tokens",
}
"""Paths that upstream has not."""


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def full(name: str) -> str:
    """A relation as clients write it."""
    extension, _, last = name.rpartition(":")
    return f"{BASE}/ext/{extension}/1.0/rel/{last}" if extension else f"{BASE}/rel/{last}"


def test_every_path_is_called_what_upstream_calls_it() -> None:
    known = {path: full(name) for path, name in (line.split() for line in UPSTREAMS.strip().splitlines())}
    paths = {endpoint.path for endpoint in SERVICE.api().endpoints if endpoint.prefixed and endpoint.path}
    assert {shape(path) for path in paths} - known.keys() - OURS == set()
    assert {path: json_home.relation(path) for path in known} == known
    assert set(json_home.NAMES) <= known.keys()


def test_every_relation_leads_to_one_path() -> None:
    endpoints = SERVICE.api().endpoints
    paths = {endpoint.path for endpoint in endpoints if endpoint.prefixed and endpoint.path}
    resources = json_home.document(endpoints, "")["resources"]
    assert len(resources) == len(paths) - 1, "only the tags of a project share a relation, with one of them"
    assert resources[full("project_tags")]["href-template"] == "/projects/{project_id}/tags/{value}"


def test_clients_that_ask_for_json_home_get_it(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        accept = {"accept": "application/json-home"}
        home = await keystone("GET", "", token="", headers=accept)
        assert (home.status, home.headers["content-type"]) == (200, "application/json-home")
        resources = home["resources"]
        assert resources[full("auth_tokens")] == {"href": "/auth/tokens"}
        assert resources[full("limit")] == {
            "href-template": "/limits/{limit_id}",
            "href-vars": {"limit_id": f"{BASE}/param/limit_id"},
            "hints": {"status": "experimental"},
        }
        assert resources[full("OS-EP-FILTER:project_endpoint")] == {
            "href-template": "/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}",
            "href-vars": {
                "project_id": f"{BASE}/param/project_id",
                "endpoint_id": f"{BASE}/param/endpoint_id",
            },
        }
        assert resources[full("OS-EC2:user_credential")]["href-vars"] == {
            "user_id": f"{BASE}/param/user_id",
            "credential_id": f"{BASE}/param/credential_id",
        }
        root = await keystone.cloud.request("GET", "/identity", token="", headers=accept)
        assert root.status == 200
        assert root["resources"][full("auth_tokens")] == {"href": "/v3/auth/tokens"}
        assert root["resources"].keys() == resources.keys()

    converse(tmp_path, talk)


def test_versions_are_shown_to_who_likes_them_as_well(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        for accept in ("application/json", "*/*", "application/json-home;q=0.5, application/json",
                       "application/json, application/json-home", "text/html", "nonsense"):  # fmt: skip
            answer = await keystone("GET", "", token="", headers={"accept": accept})
            assert answer["version"]["id"] == "v3.14", accept
            root = await keystone.cloud.request("GET", "/identity", token="", headers={"accept": accept})
            assert root.status == 300, accept

    converse(tmp_path, talk)
