# SPDX-License-Identifier: Apache-2.0
"""JSON home: a document from which clients learn where things are, made of the routes that there are.

Every path has a relation, by which clients know it whatever it is: most say it by themselves, as
`/projects/{project_id}/users/{user_id}/roles` is `project_user_roles`, those of an extension below its name.
"""

import re
from collections.abc import Iterable
from typing import Any

from cumulet.kernel.http.endpoint import Endpoint

_BASE = "https://docs.openstack.org/api/openstack-identity/3"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")

NAMES = {
    "/auth/OS-FEDERATION/identity_providers/{}/protocols/{}/websso": "identity_providers_websso",
    "/auth/OS-FEDERATION/saml2": "saml2",
    "/auth/OS-FEDERATION/saml2/ecp": "ecp",
    "/auth/OS-FEDERATION/websso/{}": "websso",
    "/auth/tokens/OS-PKI/revoked": "revocations",
    "/domains/config/default": "domain_config_default",
    "/domains/config/{}/default": "domain_config_default_group",
    "/domains/config/{}/{}/default": "domain_config_default_option",
    "/domains/{}/config/{}": "domain_config_group",
    "/domains/{}/config/{}/{}": "domain_config_option",
    "/limits/model": "limit_model",
    "/OS-EP-FILTER/endpoint_groups/{}/endpoints": "endpoints_in_endpoint_group",
    "/OS-EP-FILTER/endpoint_groups/{}/projects": "projects_associated_with_endpoint_group",
    "/OS-EP-FILTER/endpoint_groups/{}/projects/{}": "endpoint_group_to_project_association",
    "/OS-FEDERATION/saml2/metadata": "metadata",
    "/OS-OAUTH1/access_token": "access_tokens",
    "/OS-OAUTH1/authorize/{}": "authorize_request_token",
    "/OS-OAUTH1/request_token": "request_tokens",
    "/OS-SIMPLE-CERT/ca": "ca_certificate",
    "/policies/{}/OS-ENDPOINT-POLICY/endpoints/{}": "endpoint_policy_association",
    "/policies/{}/OS-ENDPOINT-POLICY/services/{}": "service_policy_association",
    "/policies/{}/OS-ENDPOINT-POLICY/services/{}/regions/{}": "region_and_service_policy_association",
    "/projects/{}/tags/{}": "project_tags",
    "/roles/{}/implies": "implied_roles",
    "/roles/{}/implies/{}": "implied_role",
    "/users/{}/access_rules": "access_rules",
    "/users/{}/access_rules/{}": "access_rule",
    "/users/{}/application_credentials": "application_credentials",
    "/users/{}/application_credentials/{}": "application_credential",
    "/users/{}/password": "user_change_password",
}
"""What upstream calls paths that do not say it by themselves. Of two with one name it tells the longer."""

_EXTENSIONS = {"/ec2tokens": "OS-EC2", "/s3tokens": "s3tokens"}
"""The extensions of paths that do not name theirs."""

_VARIABLES = {"access": "credential_id", "identity_provider_id": "idp_id"}
"""What upstream calls placeholders for which we have another word."""

_PARAMETERS = {
    "access_token_id": "ext/OS-OAUTH1/1.0/param/access_token_id",
    "consumer_id": "ext/OS-OAUTH1/1.0/param/consumer_id",
    "endpoint_group_id": "ext/OS-EP-FILTER/1.0/param/endpoint_group_id",
    "group": "param/config_group",
    "idp_id": "ext/OS-FEDERATION/1.0/param/idp_id",
    "implied_role_id": "param/role_id",
    "mapping_id": "ext/OS-FEDERATION/1.0/param/mapping_id",
    "option": "param/config_option",
    "protocol_id": "ext/OS-FEDERATION/1.0/param/protocol_id",
    "request_token_id": "ext/OS-OAUTH1/1.0/param/request_token_id",
    "service_provider_id": "ext/OS-FEDERATION/1.0/param/service_provider_id",
    "trust_id": "ext/OS-TRUST/1.0/param/trust_id",
    "value": "param/tag_value",
}
"""What placeholders mean that mean more than `param/` and their name."""

_EXPERIMENTAL = ("/limits", "/registered_limits")


def document(endpoints: Iterable[Endpoint], prefix: str) -> dict[str, Any]:
    """The resources of an API by their relations; `prefix` stands before their paths."""
    paths = sorted({endpoint.path for endpoint in endpoints if endpoint.prefixed and endpoint.path})
    return {"resources": {relation(path): _resource(path, prefix) for path in paths}}


def relation(path: str) -> str:
    """By what clients know a path."""
    shape = _PLACEHOLDER.sub("{}", path)
    words = shape.strip("/").split("/")
    extension = _EXTENSIONS.get(path) or next((word for word in words if word.startswith("OS-")), "")
    name = NAMES.get(shape) or _named([word for word in words if not word.startswith("OS-")])
    return f"{_BASE}/ext/{extension}/1.0/rel/{name}" if extension else f"{_BASE}/rel/{name}"


def _named(words: list[str]) -> str:
    """The words of a path as one: what is followed by an id is one of its kind."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return "_".join(_singular(word) if after == "{}" else word for word, after in pairs if word != "{}")


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _resource(path: str, prefix: str) -> dict[str, Any]:
    template = _PLACEHOLDER.sub(lambda match: f"{{{_VARIABLES.get(match[1], match[1])}}}", prefix + path)
    names = _PLACEHOLDER.findall(template)
    found: dict[str, Any] = {"href": template}
    if names:
        parameters = {name: f"{_BASE}/{_PARAMETERS.get(name, f'param/{name}')}" for name in names}
        found = {"href-template": template, "href-vars": parameters}
    if path.startswith(_EXPERIMENTAL):
        found["hints"] = {"status": "experimental"}
    return found
