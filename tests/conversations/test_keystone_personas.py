# SPDX-License-Identifier: Apache-2.0
"""Every operation of Keystone, asked by every kind of person about what is theirs and what is not.

What a person may do is computed by oslo.policy from the rule and from the target as upstream describes it to
its rules; the API must refuse exactly the others. Writes are rehearsed, so no answer depends on one before.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import policy as oslo_policy

from cumulet.kernel.db import Tx
from cumulet.services.keystone.application_credentials.model import AccessRule, ApplicationCredential
from cumulet.services.keystone.oauth1.model import AccessToken, RequestToken
from cumulet.services.keystone.policies import POLICIES
from cumulet.services.keystone.trusts.model import Trust
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import SYSTEM, Talk, converse, rescope

Things = dict[str, str]
"""The ids and names that paths and bodies are filled with."""
Target = dict[str, Any]


# -- people ---------------------------------------------------------------------------------------------

PERSONAS = [
    *((scope, role) for scope in ("system", "domain", "project") for role in ("admin", "manager", "member")),
    *((scope, "reader") for scope in ("system", "domain", "project")),
    ("project", "service"),
    ("nothing", ""),
]


@dataclass(frozen=True)
class Persona:
    """Somebody with a token, as policy rules see them, and what is theirs."""

    name: str
    token: str
    creds: Mapping[str, Any]
    own: Things


def creds_of(token: Mapping[str, Any]) -> dict[str, Any]:
    """The bearer as oslo.context and Keystone's middleware describe them."""
    project, domain, user = token.get("project"), token.get("domain"), token["user"]
    return {
        "user_id": user["id"],
        "user_domain_id": user["domain"]["id"],
        "project_id": project["id"] if project else None,
        "project_domain_id": project["domain"]["id"] if project else None,
        "domain_id": domain["id"] if domain else None,
        "system_scope": "all" if "system" in token else None,
        "roles": [role["name"] for role in token.get("roles", ())],
        "token": token,
    }


# -- what rules see -------------------------------------------------------------------------------------


def _of(kind: str) -> Callable[[Things, Mapping[str, Any]], Target]:
    """The id of a thing and of the domain that it is in."""
    return lambda things, creds: {
        f"target.{kind}.id": things[kind],
        f"target.{kind}.domain_id": things["domain"],
    }


def _role(name: str) -> Callable[[Things, Mapping[str, Any]], Target]:
    return lambda things, creds: {"target.role.name": name, "target.role.domain_id": None}


TARGETS: Mapping[str, Callable[[Things, Mapping[str, Any]], Target]] = {
    "user": _of("user"),
    "group": _of("group"),
    "project": _of("project"),
    "domain": lambda things, creds: {"target.domain.id": things["domain"]},
    "owner": lambda things, creds: {"user_id": things["user"]},
    "credential": lambda things, creds: {"target.credential.user_id": things["user"]},
    "token": lambda things, creds: {"target.token.user_id": things["user"]},
    "trust": lambda things, creds: {
        "target.trust.trustor_user_id": things["user"],
        "target.trust.trustee_user_id": things["stranger"],
    },
    "trustee": lambda things, creds: {"target.trust.trustee_user_id": things["user"]},
    "limit": lambda things, creds: {
        "target.limit.project_id": things["project"],
        "target.limit.project.domain_id": things["domain"],
        "target.limit.domain_id": None,
    },
    "plain role": _role("plain"),
    "member role": _role("member"),
    # what rules for lists see of the token's own domain
    "domain of token": lambda things, creds: _listed("target.domain_id", creds),
    "domains of token": lambda things, creds: _listed("target.domain.id", creds),
    "groups of token": lambda things, creds: _listed("target.group.domain_id", creds),
    "own credentials": lambda things, creds: (
        {} if creds["system_scope"] else {"target.credential.user_id": creds["user_id"]}
    ),
    "tree": lambda things, creds: {"target.domain_id": things["domain"]},
}


def _listed(name: str, creds: Mapping[str, Any]) -> Target:
    return {name: creds["domain_id"]} if creds["domain_id"] else {}


# -- operations -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """A request, the rule that it is judged by, and what that rule sees (names of TARGETS)."""

    rule: str
    request: str
    sees: tuple[str, ...] = ()
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def op(rule: str, request: str, sees: str = "", body: Any = None, **headers: str) -> Operation:
    seen = tuple(name.strip() for name in sees.split(",") if name)
    return Operation(f"identity:{rule}", request, seen, body, headers)


def crud(
    noun: str, path: str, made: Mapping[str, Any], changed: Mapping[str, Any], **more: Any
) -> list[Operation]:
    """The five operations on what only administrators change."""
    one = f"{path}/{{{more.get('id', noun)}}}"
    plural = more.get("plural", f"{noun}s")
    return [
        op(f"list_{plural}", f"GET {path}"),
        op(f"get_{noun}", f"GET {one}"),
        op(f"create_{more.get('creates', noun)}", more.get("create", f"POST {path}"), body=made),
        op(f"update_{noun}", f"PATCH {one}", body=changed),
        op(f"delete_{noun}", f"DELETE {one}"),
    ]


_USER, _GRANTED = "/users/{user}", "/roles/{plain}"
_KEYS, _KEY = f"{_USER}/credentials/OS-EC2", f"{_USER}/credentials/OS-EC2/{{access}}"
_ACCESS = f"{_USER}/OS-OAUTH1/access_tokens"
_APP = f"{_USER}/application_credentials"
_TRUST = "/OS-TRUST/trusts/{trust}"
_CONFIG = "/domains/{domain}/config"
_IDP = "/OS-FEDERATION/identity_providers"
_FILTER = "/OS-EP-FILTER"
_GROUPS = f"{_FILTER}/endpoint_groups/{{endpoint_group}}"
_POLICY = "/policies/{policy}/OS-ENDPOINT-POLICY"
_SOME_CONFIG = {"config": {"identity": {"driver": "sql"}}}
_SUBJECT = {"X-Subject-Token": "{token}"}


def _grants() -> Iterator[Operation]:
    for place in ("project", "domain"):
        for actor in ("user", "group"):
            path, sees = f"/{place}s/{{{place}}}/{actor}s/{{{actor}}}/roles", f"{place}, {actor}"
            yield op("list_grants", f"GET {path}", sees)
            for role in ("plain", "member"):
                for rule, method in (("check", "HEAD"), ("create", "PUT"), ("revoke", "DELETE")):
                    yield op(f"{rule}_grant", f"{method} {path}/{{{role}}}", f"{sees}, {role} role")
    for actor in ("user", "group"):
        path = f"/system/{actor}s/{{{actor}}}/roles"
        yield op(f"list_system_grants_for_{actor}", f"GET {path}")
        for rule, method in (("check", "HEAD"), ("create", "PUT"), ("revoke", "DELETE")):
            yield op(f"{rule}_system_grant_for_{actor}", f"{method} {path}/{{plain}}")


def _policy_associations() -> Iterator[Operation]:
    for kind, path in (
        ("endpoint", "endpoints/{endpoint}"),
        ("service", "services/{service}"),
        ("region_and_service", "services/{service}/regions/{region}"),
    ):
        for rule, method in (("create", "PUT"), ("check", "GET"), ("delete", "DELETE")):
            yield op(f"{rule}_policy_association_for_{kind}", f"{method} {_POLICY}/{path}")


OPERATIONS = [
    op("get_access_rule", f"GET {_USER}/access_rules/{{access_rule}}", "user"),
    op("list_access_rules", f"GET {_USER}/access_rules", "user"),
    op("delete_access_rule", f"DELETE {_USER}/access_rules/{{access_rule}}", "user"),
    op("authorize_request_token", "PUT /OS-OAUTH1/authorize/{request_token}", body={"roles": []}),
    op("list_access_tokens", f"GET {_ACCESS}"),
    op("get_access_token", f"GET {_ACCESS}/{{access_token}}"),
    op("list_access_token_roles", f"GET {_ACCESS}/{{access_token}}/roles"),
    op("get_access_token_role", f"GET {_ACCESS}/{{access_token}}{_GRANTED}"),
    op("delete_access_token", f"DELETE {_ACCESS}/{{access_token}}"),
    op("list_application_credentials", f"GET {_APP}", "owner"),
    op("get_application_credential", f"GET {_APP}/{{application_credential}}", "owner"),
    op("create_application_credential", f"POST {_APP}", "owner", {"application_credential": {"name": "new"}}),
    op("delete_application_credential", f"DELETE {_APP}/{{application_credential}}", "owner"),
    *(op(f"get_auth_{what}", f"GET /auth/{what}") for what in ("catalog", "projects", "domains", "system")),
    *crud("consumer", "/OS-OAUTH1/consumers", {"consumer": {}}, {"consumer": {"description": "new"}}),
    op("list_credentials", "GET /credentials", "own credentials"),
    op("get_credential", "GET /credentials/{credential}", "credential"),
    op(
        "create_credential",
        "POST /credentials",
        "credential",
        {"credential": {"type": "cert", "blob": "new", "user_id": "{user}"}},
    ),
    op("update_credential", "PATCH /credentials/{credential}", "credential", {"credential": {"blob": "new"}}),
    op("delete_credential", "DELETE /credentials/{credential}", "credential"),
    op("list_domains", "GET /domains", "domains of token"),
    op("get_domain", "GET /domains/{domain}", "domain"),
    op("create_domain", "POST /domains", body={"domain": {"name": "new"}}),
    op("update_domain", "PATCH /domains/{domain}", body={"domain": {"description": "new"}}),
    op("delete_domain", "DELETE /domains/{domain}"),
    op("create_domain_config", f"PUT {_CONFIG}", body=_SOME_CONFIG),
    op("get_domain_config", f"GET {_CONFIG}"),
    op("update_domain_config", f"PATCH {_CONFIG}", body=_SOME_CONFIG),
    op("delete_domain_config", f"DELETE {_CONFIG}"),
    op("get_security_compliance_domain_config", "GET /domains/default/config/security_compliance"),
    op("get_domain_config_default", "GET /domains/config/default"),
    op("ec2_list_credentials", f"GET {_KEYS}", "owner"),
    op("ec2_get_credential", f"GET {_KEY}", "owner, credential"),
    op("ec2_create_credential", f"POST {_KEYS}", "owner, credential", {"tenant_id": "{project}"}),
    op("ec2_delete_credential", f"DELETE {_KEY}", "owner, credential"),
    *crud(
        "endpoint",
        "/endpoints",
        {"endpoint": {"interface": "public", "url": "http://new", "service_id": "{service}"}},
        {"endpoint": {"url": "http://new"}},
    ),
    *crud(
        "endpoint_group",
        f"{_FILTER}/endpoint_groups",
        {"endpoint_group": {"name": "new", "filters": {"interface": "public"}}},
        {"endpoint_group": {"name": "new"}},
    ),
    op("list_projects_associated_with_endpoint_group", f"GET {_GROUPS}/projects"),
    op("list_endpoints_associated_with_endpoint_group", f"GET {_GROUPS}/endpoints"),
    op("get_endpoint_group_in_project", f"GET {_GROUPS}/projects/{{project}}"),
    op("add_endpoint_group_to_project", f"PUT {_GROUPS}/projects/{{project}}"),
    op("remove_endpoint_group_from_project", f"DELETE {_GROUPS}/projects/{{project}}"),
    op("list_endpoint_groups_for_project", f"GET {_FILTER}/projects/{{project}}/endpoint_groups"),
    *_grants(),
    op("list_groups", "GET /groups", "groups of token"),
    op("get_group", "GET /groups/{group}", "group"),
    op("create_group", "POST /groups", "group", {"group": {"name": "new", "domain_id": "{domain}"}}),
    op("update_group", "PATCH /groups/{group}", "group", {"group": {"description": "new"}}),
    op("delete_group", "DELETE /groups/{group}", "group"),
    op("list_groups_for_user", f"GET {_USER}/groups", "user, owner"),
    op("list_users_in_group", "GET /groups/{group}/users", "group"),
    op("check_user_in_group", f"HEAD /groups/{{group}}{_USER}", "group, user"),
    op("add_user_to_group", f"PUT /groups/{{group}}{_USER}", "group, user"),
    op("remove_user_from_group", f"DELETE /groups/{{group}}{_USER}", "group, user"),
    *crud(
        "identity_provider",
        _IDP,
        {"identity_provider": {}},
        {"identity_provider": {"description": "new"}},
        create=f"PUT {_IDP}/new",
    ),
    *crud(
        "mapping",
        "/OS-FEDERATION/mappings",
        {"mapping": {"rules": [{"local": [{"user": {"name": "{{0}}"}}], "remote": [{"type": "USER"}]}]}},
        {"mapping": {"rules": [{"local": [{"user": {"name": "{{0}}"}}], "remote": [{"type": "USER"}]}]}},
        create="PUT /OS-FEDERATION/mappings/new",
    ),
    *crud(
        "protocol",
        f"{_IDP}/{{identity_provider}}/protocols",
        {"protocol": {"mapping_id": "{mapping}"}},
        {"protocol": {"mapping_id": "{mapping}"}},
        create=f"PUT {_IDP}/{{identity_provider}}/protocols/new",
    ),
    *crud(
        "service_provider",
        "/OS-FEDERATION/service_providers",
        {"service_provider": {"auth_url": "http://new", "sp_url": "http://new"}},
        {"service_provider": {"description": "new"}},
        create="PUT /OS-FEDERATION/service_providers/new",
    ),
    op("list_implied_roles", "GET /roles/{plain}/implies"),
    op("get_implied_role", "GET /roles/{plain}/implies/{implied}"),
    op("check_implied_role", "HEAD /roles/{plain}/implies/{implied}"),
    op("create_implied_role", "PUT /roles/{plain}/implies/{implied}"),
    op("delete_implied_role", "DELETE /roles/{plain}/implies/{implied}"),
    op("list_role_inference_rules", "GET /role_inferences"),
    op("get_limit_model", "GET /limits/model"),
    op("list_limits", "GET /limits"),
    op("get_limit", "GET /limits/{limit}", "limit"),
    op(
        "create_limits",
        "POST /limits",
        body={
            "limits": [
                {
                    "service_id": "{service}",
                    "project_id": "{project}",
                    "resource_name": "unknown",
                    "resource_limit": 5,
                }
            ]
        },
    ),
    op("update_limit", "PATCH /limits/{limit}", body={"limit": {"resource_limit": 6}}),
    op("delete_limit", "DELETE /limits/{limit}"),
    *crud(
        "registered_limit",
        "/registered_limits",
        {"registered_limits": [{"service_id": "{service}", "resource_name": "new", "default_limit": 1}]},
        {"registered_limit": {"default_limit": 2}},
        creates="registered_limits",
    ),
    *crud(
        "policy",
        "/policies",
        {"policy": {"blob": "{}", "type": "application/json"}},
        {"policy": {"blob": "{}"}},
        plural="policies",
    ),
    *_policy_associations(),
    op("get_policy_for_endpoint", "GET /endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy"),
    op("list_endpoints_for_policy", f"GET {_POLICY}/endpoints"),
    op("list_projects", "GET /projects", "domain of token"),
    op("get_project", "GET /projects/{project}", "project"),
    op("create_project", "POST /projects", "project", {"project": {"name": "new", "domain_id": "{domain}"}}),
    op("update_project", "PATCH /projects/{project}", "project", {"project": {"description": "new"}}),
    op("delete_project", "DELETE /projects/{project}", "project"),
    op("list_user_projects", f"GET {_USER}/projects", "user"),
    op("list_project_tags", "GET /projects/{project}/tags", "project"),
    op("get_project_tag", "GET /projects/{project}/tags/blue", "project"),
    op("update_project_tags", "PUT /projects/{project}/tags", "project", {"tags": ["blue"]}),
    op("create_project_tag", "PUT /projects/{project}/tags/new", "project"),
    op("delete_project_tags", "DELETE /projects/{project}/tags", "project"),
    op("delete_project_tag", "DELETE /projects/{project}/tags/blue", "project"),
    op("list_projects_for_endpoint", f"GET {_FILTER}/endpoints/{{endpoint}}/projects"),
    op("list_endpoints_for_project", f"GET {_FILTER}/projects/{{project}}/endpoints"),
    op("check_endpoint_in_project", f"HEAD {_FILTER}/projects/{{project}}/endpoints/{{endpoint}}"),
    op("add_endpoint_to_project", f"PUT {_FILTER}/projects/{{project}}/endpoints/{{endpoint}}"),
    op("remove_endpoint_from_project", f"DELETE {_FILTER}/projects/{{project}}/endpoints/{{endpoint}}"),
    *crud("region", "/regions", {"region": {}}, {"region": {"description": "new"}}),
    op("list_revoke_events", "GET /OS-REVOKE/events"),
    *crud("role", "/roles", {"role": {"name": "new"}}, {"role": {"description": "new"}}, id="plain"),
    op("list_domain_roles", "GET /roles?domain_id={domain}"),
    op("get_domain_role", "GET /roles/{domain_role}"),
    op("create_domain_role", "POST /roles", body={"role": {"name": "new", "domain_id": "{domain}"}}),
    op("update_domain_role", "PATCH /roles/{domain_role}", body={"role": {"description": "new"}}),
    op("delete_domain_role", "DELETE /roles/{domain_role}"),
    op("list_role_assignments", "GET /role_assignments", "domain of token"),
    op(
        "list_role_assignments_for_tree",
        "GET /role_assignments?scope.project.id={project}&include_subtree",
        "project, tree",
    ),
    op("s3tokens_validate", "POST /s3tokens", body={"credentials": {"access": "unknown"}}),
    op("ec2tokens_validate", "POST /ec2tokens", body={"credentials": {"access": "unknown"}}),
    *crud("service", "/services", {"service": {"type": "new"}}, {"service": {"description": "new"}}),
    Operation("identity:check_token", "HEAD /auth/tokens", ("token",), headers=_SUBJECT),
    Operation("identity:validate_token", "GET /auth/tokens", ("token",), headers=_SUBJECT),
    Operation("identity:revoke_token", "DELETE /auth/tokens", ("token",), headers=_SUBJECT),
    op(
        "create_trust",
        "POST /OS-TRUST/trusts",
        "trust",
        {"trust": {"trustor_user_id": "{user}", "trustee_user_id": "{stranger}", "impersonation": False}},
    ),
    op("list_trusts", "GET /OS-TRUST/trusts"),
    op("list_trusts_for_trustor", "GET /OS-TRUST/trusts?trustor_user_id={user}", "trust"),
    op("list_trusts_for_trustee", "GET /OS-TRUST/trusts?trustee_user_id={user}", "trustee"),
    op("get_trust", f"GET {_TRUST}", "trust"),
    op("list_roles_for_trust", f"GET {_TRUST}/roles", "trust"),
    op("get_role_for_trust", f"GET {_TRUST}{_GRANTED}", "trust"),
    op("delete_trust", f"DELETE {_TRUST}", "trust"),
    op("list_users", "GET /users", "domain of token"),
    op("get_user", f"GET {_USER}", "user"),
    op("create_user", "POST /users", "user", {"user": {"name": "new", "domain_id": "{domain}"}}),
    op("update_user", f"PATCH {_USER}", "user", {"user": {"description": "new"}}),
    op("delete_user", f"DELETE {_USER}", "user"),
    op("revoke_tokens_for_user", f"DELETE {_USER}/tokens", "owner"),
    op("list_projects_for_user", "GET /OS-FEDERATION/projects"),
    op("list_domains_for_user", "GET /OS-FEDERATION/domains"),
]
UNUSED = {"identity:revocation_list"}
"""Upstream has the rule, and nothing that asks it."""


def test_every_rule_has_an_operation() -> None:
    named = {name for name in POLICIES if name.startswith("identity:")}
    assert {operation.rule for operation in OPERATIONS} == named - UNUSED


# -- the world ------------------------------------------------------------------------------------------


async def _shared(keystone: Talk) -> Things:
    """What belongs to nobody."""
    plain = (await keystone.make("role", name="plain"))["id"]
    implied = (await keystone.make("role", name="implied"))["id"]
    await keystone("PUT", f"/roles/{plain}/implies/{implied}")
    service = (await keystone.make("service", type="compute", name="nova"))["id"]
    endpoint = {"interface": "public", "url": "http://there", "service_id": service}
    registered = {"service_id": service, "resource_name": "cores", "default_limit": 10}
    made = await keystone("POST", "/registered_limits", {"registered_limits": [registered]})
    group = {"name": "all", "filters": {"interface": "public"}}
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "USER"}]}]
    for path, body in (
        ("identity_providers/acme", {"identity_provider": {}}),
        ("mappings/names", {"mapping": {"rules": rules}}),
        ("identity_providers/acme/protocols/oidc", {"protocol": {"mapping_id": "names"}}),
        ("service_providers/ajax", {"service_provider": {"auth_url": "http://a", "sp_url": "http://a"}}),
    ):
        answer = await keystone("PUT", f"/OS-FEDERATION/{path}", body)
        assert answer.status == 201, answer
    return {
        "plain": plain,
        "implied": implied,
        "member": await keystone.role("member"),
        "service": service,
        "endpoint": (await keystone.make("endpoint", **endpoint))["id"],
        "endpoint_group": (await keystone.make("endpoint_group", "/OS-EP-FILTER/endpoint_groups", **group))[
            "id"
        ],
        "region": (await keystone.make("region", id="here"))["id"],
        "policy": (await keystone.make("policy", "/policies", blob="{}", type="text/plain"))["id"],
        "registered_limit": made["registered_limits"][0]["id"],
        "consumer": (await keystone.make("consumer", "/OS-OAUTH1/consumers"))["id"],
        "stranger": (await keystone.make("user", name="stranger"))["id"],
        "identity_provider": "acme",
        "mapping": "names",
        "protocol": "oidc",
        "service_provider": "ajax",
    }


async def _place(keystone: Talk, name: str, shared: Things) -> Things:
    """A domain with a project, a group and a role of its own."""
    domain = (await keystone.make("domain", name=name))["id"]
    project = (await keystone.make("project", name=name, domain_id=domain, tags=["blue"]))["id"]
    limit = {
        "service_id": shared["service"],
        "resource_name": "cores",
        "resource_limit": 5,
        "project_id": project,
    }
    made = await keystone("POST", "/limits", {"limits": [limit]})
    await keystone("PUT", f"/domains/{domain}/config", _SOME_CONFIG)
    return {
        **shared,
        "domain": domain,
        "project": project,
        "group": (await keystone.make("group", name=name, domain_id=domain))["id"],
        "domain_role": (await keystone.make("role", name=name, domain_id=domain))["id"],
        "limit": made["limits"][0]["id"],
    }


async def _person(keystone: Talk, name: str, place: Things) -> Things:
    """A user, and one of everything that users have."""
    user = (await keystone.make("user", name=name, domain_id=place["domain"], password="secret"))["id"]
    kept = {"type": "cert", "blob": "kept", "user_id": user}
    credential = (await keystone.make("credential", **kept))["id"]
    keys = f"/users/{user}/credentials/OS-EC2"
    access = (await keystone("POST", keys, {"tenant_id": place["project"]}))["credential"]["access"]
    things = {**place, "user": user, "credential": credential, "access": access}
    return things | await keystone.cloud.app.db.transact(_delegations, things)


def _delegations(tx: Tx, things: Things) -> Things:
    """What a user may have handed on, without their asking for it."""
    user, project, consumer = things["user"], things["project"], things["consumer"]
    roles = [things["plain"]]
    rule = AccessRule(service_type="compute", url_path="/", method="GET", user_id=user)
    program = ApplicationCredential(
        name="robot", user_id=user, project_id=project, role_ids=roles, secret_hash="none"
    )
    trust = Trust(
        trustor_user_id=user,
        trustee_user_id=things["stranger"],
        project_id=project,
        impersonation=False,
        role_ids=roles,
    )
    asked = RequestToken(consumer_id=consumer, project_id=project, secret="none")
    granted = AccessToken(
        consumer_id=consumer, authorizing_user_id=user, project_id=project, role_ids=roles, secret="none"
    )
    names = ("access_rule", "application_credential", "trust", "request_token", "access_token")
    rows = (rule, program, trust, asked, granted)
    return {name: tx.insert(row).id for name, row in zip(names, rows, strict=True)}


async def _persona(keystone: Talk, scope: str, role: str, home: Things) -> Persona:
    own = await _person(keystone, f"{scope}-{role}", home)
    places = {"project": f"/projects/{home['project']}", "domain": f"/domains/{home['domain']}"}
    if role:
        await keystone.give(role, own["user"], places.get(scope, "/system"))
    scopes = {"system": SYSTEM, "nothing": {"unscoped": {}}}
    wanted = scopes.get(scope) or {scope: {"id": home[scope]}}
    token = await keystone.login({"id": own["user"], "password": "secret"}, wanted)
    shown = await keystone("GET", "/auth/tokens?nocatalog", headers={"X-Subject-Token": token})
    own["token"] = token
    return Persona(f"{scope} {role}".strip(), token, creds_of(shown["token"]), own)


# -- the verdicts ---------------------------------------------------------------------------------------


def oracle() -> oslo_policy.Enforcer:
    """oslo.policy with our table of rules."""
    logging.getLogger("oslo_policy").setLevel(logging.ERROR)
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    enforcer = oslo_policy.Enforcer(conf, use_conf=False)
    enforcer.set_rules(dict(oslo_policy.Rules.from_dict({n: rule.check for n, rule in POLICIES.items()})))
    for name, rule in POLICIES.items():
        scopes = list(rule.scope_types) or None
        enforcer.register_default(oslo_policy.RuleDefault(name, rule.check, scope_types=scopes))
    return enforcer


async def _ask(keystone: Talk, persona: Persona, operation: Operation, things: Things) -> Answer:
    method, path = operation.request.split(" ")
    subject = things.get("token", "")
    if method == "DELETE" and operation.headers:
        again = await keystone.ask_token(rescope(subject, {"unscoped": {}}))
        subject = again.headers["x-subject-token"]
    values = {**things, "token": subject}
    headers = {name: text.format(**values) for name, text in operation.headers.items()}
    body = _filled(operation.body, things)
    if method not in ("GET", "HEAD") and not operation.headers:
        headers["Cumulet-Dry-Run"] = "yes"
    return await keystone(method, path.format(**values), body, token=persona.token, headers=headers)


def _filled(body: Any, things: Things) -> Any:
    if isinstance(body, dict):
        return {name: _filled(value, things) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, things) for value in body]
    is_placeholder = isinstance(body, str) and body[:1] == "{" and body[1:-1] in things
    return things[body[1:-1]] if is_placeholder else body


def _is_refused(answer: Answer) -> bool:
    """Whether policy refused; there are other reasons for a 403."""
    if answer.status != 403:
        return False
    if not isinstance(answer.body, dict):
        return True
    message: str = answer["error"]["message"]
    return message.startswith("You are not authorized to perform the requested action: identity:")


async def _misjudged(keystone: Talk, persona: Persona, things: Things, whose: str) -> list[str]:
    """What the API answers otherwise than oslo.policy would."""
    enforcer, found = oracle(), []
    for operation in OPERATIONS:
        target: Target = {}
        for name in operation.sees:
            target |= TARGETS[name](things, persona.creds)
        expected = bool(enforcer.enforce(operation.rule, target, dict(persona.creds)))
        answer = await _ask(keystone, persona, operation, things)
        unheard = answer.status in (401, 405, 500) or "cannot be sent as a dry run" in str(answer.body)
        if _is_refused(answer) == expected or unheard:
            verdict = "may" if expected else "may not"
            found.append(
                f"{persona.name} {verdict} {operation.request} ({operation.rule}) of {whose}: "
                f"{answer.status} {json.dumps(answer.body)}"
            )
    return found


def test_everybody_may_do_what_the_rules_say_and_nothing_else(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        shared = await _shared(keystone)
        home, away = [await _place(keystone, name, shared) for name in ("home", "away")]
        others = await _person(keystone, "other", away)
        others["token"] = await keystone.login({"id": others["user"], "password": "secret"})
        misjudged = []
        for scope, role in PERSONAS:
            persona = await _persona(keystone, scope, role, home)
            misjudged += await _misjudged(keystone, persona, persona.own, "their own")
            misjudged += await _misjudged(keystone, persona, others, "another")
        assert not misjudged, "\n".join([str(len(misjudged)), *misjudged])

    converse(tmp_path, talk)
