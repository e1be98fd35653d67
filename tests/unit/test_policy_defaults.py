# SPDX-License-Identifier: Apache-2.0
"""The default rules of the six core services: they compile, and well-known people get well-known answers.

A decision reads `who rule target`; a caret marks a refusal for the scope of the token.
"""

import importlib
from typing import Any

import pytest

from cumulet.kernel.auth.policy import Policy, Verdict
from cumulet.services.neutron.kinds import KINDS

SERVICES = ("keystone", "nova", "placement", "glance", "neutron", "cinder")
COUNTS = {"keystone": 204, "nova": 214, "placement": 38, "glance": 67, "neutron": 372, "cinder": 167}


def policy_of(service: str) -> Policy:
    table = importlib.import_module(f"cumulet.services.{service}.policies").POLICIES
    return Policy(table, kinds=KINDS if service == "neutron" else None)


POLICY = {service: policy_of(service) for service in SERVICES}


def person(*roles: str, **scope: Any) -> dict[str, Any]:
    """Credentials of user u1, of domain d1, with a token of project p1 unless another scope is named."""
    scope = scope or {"project_id": "p1", "project_domain_id": "d1"}
    token: dict[str, Any] = {"user": {"id": "u1"}}
    if "domain_id" in scope:
        token["domain"] = {"id": scope["domain_id"]}
    return {
        "user_id": "u1",
        "user_domain_id": "d1",
        "project_id": None,
        "domain_id": None,
        "system_scope": None,
        "roles": roles,
        "service_roles": [],
        "is_admin": "admin" in roles,
        "is_admin_project": True,
        "token": token,
    } | scope


PEOPLE = {
    "admin": person("admin", "manager", "member", "reader"),
    "manager": person("manager", "member", "reader"),
    "member": person("member", "reader"),
    "reader": person("reader"),
    "nobody": person(),
    "service": person("service"),
    "advsvc": person("advsvc"),
    "system-admin": person("admin", "member", "reader", system_scope="all"),
    "system-reader": person("reader", system_scope="all"),
    "domain-admin": person("admin", "manager", "member", "reader", domain_id="d1"),
    "domain-manager": person("manager", "member", "reader", domain_id="d1"),
    "domain-reader": person("reader", domain_id="d1"),
}

OWN = {"project_id": "p1", "user_id": "u1"}
OTHERS = {"project_id": "p2", "user_id": "u2"}
TARGETS: dict[str, dict[str, Any]] = {
    "own": OWN,
    "others": OTHERS,
    # keystone
    "u1": OWN | {"target.user.id": "u1", "target.user.domain_id": "d1"},
    "u2": OTHERS | {"target.user.id": "u2", "target.user.domain_id": "d1"},
    "u3-of-d2": OTHERS | {"target.user.id": "u3", "target.user.domain_id": "d2"},
    "d1": {"target.domain_id": "d1", "target.domain.id": "d1"},
    "p1": {"target.project.id": "p1", "target.project.domain_id": "d1"},
    "p2-of-d2": {"target.project.id": "p2", "target.project.domain_id": "d2"},
    "member-on-p1": {
        "target.user.domain_id": "d1",
        "target.project.domain_id": "d1",
        "target.role.domain_id": None,
        "target.role.name": "member",
    },
    "admin-on-p1": {
        "target.user.domain_id": "d1",
        "target.project.domain_id": "d1",
        "target.role.domain_id": None,
        "target.role.name": "admin",
    },
    "own-token": {"target.token.user_id": "u1"},
    "others-token": {"target.token.user_id": "u2"},
    "own-trust": {"target.trust.trustor_user_id": "u1", "target.trust.trustee_user_id": "u2"},
    # glance
    "own-image": OWN | {"owner": "p1", "visibility": "private"},
    "private-image": OTHERS | {"owner": "p2", "visibility": "private"},
    "public-image": OTHERS | {"owner": "p2", "visibility": "public"},
    "image-shared-with-us": OTHERS | {"member_id": "p1", "visibility": "private"},
    # neutron
    "shared-network": OTHERS | {"shared": True, "router:external": False},
    "external-network": OTHERS | {"shared": False, "router:external": True},
    "port-on-own-network": OTHERS | {"network:project_id": "p1", "shared": False, "device_owner": ""},
    "own-port": OWN | {"network:project_id": "p2", "shared": False, "device_owner": ""},
    "own-port-on-shared": OWN | {"network:project_id": "p2", "shared": True, "device_owner": ""},
    "own-compute-port": OWN | {"network:project_id": "p2", "shared": False, "device_owner": "compute:nova"},
    "own-router-port": OWN | {"network:project_id": "p2", "device_owner": "network:router_interface"},
    "rule-of-own-group": {"security_group:project_id": "p1"},
    "rule-of-others-group": {"security_group:project_id": "p2"},
    "rbac-for-all": OWN | {"target_tenant": "*", "target_project": "*"},
    "rbac-for-one": OWN | {"target_tenant": "p2", "target_project": "p2"},
}

KEYSTONE = """
yes  admin           identity:list_users                     d1
yes  system-reader   identity:list_users                     d1
yes  domain-reader   identity:list_users                     d1
no   reader          identity:list_users                     d1
yes  system-reader   identity:get_user                       u3-of-d2
yes  reader          identity:get_user                       u1
no   reader          identity:get_user                       u2
yes  domain-reader   identity:get_user                       u2
no   domain-reader   identity:get_user                       u3-of-d2
yes  domain-manager  identity:create_user                    u2
no   domain-manager  identity:create_user                    u3-of-d2
no   manager         identity:create_user                    u2
yes  system-admin    identity:create_user                    u3-of-d2
no   system-reader   identity:create_user                    u2
yes  domain-manager  identity:update_project                 p1
no   domain-manager  identity:update_project                 p2-of-d2
yes  reader          identity:get_project                    p1
no   reader          identity:get_project                    p2-of-d2
yes  domain-manager  identity:create_grant                   member-on-p1
no   domain-manager  identity:create_grant                   admin-on-p1
yes  domain-admin    identity:create_grant                   admin-on-p1
no   member          identity:create_grant                   member-on-p1
yes  domain-manager  identity:list_roles                     d1
no   member          identity:list_roles                     d1
no   domain-reader^  identity:create_domain                  d1
no   manager         identity:create_domain                  d1
yes  system-admin    identity:create_domain                  d1
yes  system-reader   identity:list_services                  own
no   reader          identity:list_services                  own
no   system-reader   identity:create_service                 own
yes  service         identity:validate_token                 others-token
yes  nobody          identity:validate_token                 own-token
no   member          identity:validate_token                 others-token
yes  nobody          identity:revoke_token                   own-token
yes  member          identity:create_trust                   own-trust
no   system-admin^   identity:create_trust                   own-trust
yes  nobody          identity:create_application_credential  own
no   admin           identity:create_application_credential  others
yes  nobody          identity:get_region                     own
no   member          identity:create_region                  own
"""

NOVA = """
yes  reader         os_compute_api:servers:index                        own
no   reader         os_compute_api:servers:index                        others
no   reader         os_compute_api:servers:create                       own
yes  member         os_compute_api:servers:create                       own
no   member         os_compute_api:servers:create                       others
yes  admin          os_compute_api:servers:create                       others
no   nobody         os_compute_api:servers:show                         own
no   manager        os_compute_api:servers:index:get_all_tenants        own
yes  admin          os_compute_api:servers:index:get_all_tenants        own
no   system-reader^ os_compute_api:servers:index                        own
no   system-admin^  os_compute_api:os-services:list                     own
no   domain-admin^  os_compute_api:servers:create                       own
yes  manager        os_compute_api:os-migrate-server:migrate            own
yes  manager        os_compute_api:os-migrate-server:migrate_live       own
no   manager        os_compute_api:os-migrate-server:migrate            others
no   manager        os_compute_api:os-migrate-server:migrate_live:host  own
no   member         os_compute_api:os-migrate-server:migrate            own
yes  manager        os_compute_api:os-migrations:index                  own
no   manager        os_compute_api:os-migrations:index:all_projects     own
yes  service        os_compute_api:os-server-external-events:create     own
yes  admin          os_compute_api:os-server-external-events:create     own
no   manager        os_compute_api:os-server-external-events:create     own
yes  service        os_compute_api:os-volumes-attachments:swap          others
no   member         os_compute_api:os-volumes-attachments:swap          own
no   service        os_compute_api:servers:show                         others
yes  reader         os_compute_api:os-keypairs:index                    own
yes  nobody         os_compute_api:os-keypairs:create                   own
no   member         os_compute_api:os-keypairs:show                     others
no   manager        os_compute_api:os-flavor-manage:create              own
yes  admin          os_compute_api:os-flavor-manage:create              own
yes  reader         os_compute_api:os-quota-sets:show                   own
no   member         os_compute_api:os-quota-sets:update                 own
yes  nobody         os_compute_api:limits                               own
no   admin          compute:servers:resize:cross_cell                   own
no   reader         os_compute_api:os-console-output                    own
"""

PLACEMENT = """
yes  admin          placement:resource_providers:list                 own
yes  service        placement:resource_providers:list                 own
no   manager        placement:resource_providers:list                 own
no   reader         placement:resource_providers:show                 own
no   system-admin^  placement:resource_providers:list                 own
no   system-reader^ placement:resource_providers:list                 own
no   domain-admin^  placement:resource_providers:create               own
yes  service        placement:resource_providers:create               own
yes  admin          placement:resource_providers:delete               own
no   member         placement:resource_providers:update               own
yes  reader         placement:usages                                  own
no   reader         placement:usages                                  others
no   nobody         placement:usages                                  own
yes  service        placement:usages                                  others
yes  admin          placement:usages                                  others
no   reader         placement:resource_providers:usages               own
yes  service        placement:reshaper:reshape                        own
no   admin          placement:reshaper:reshape                        own
yes  service        placement:allocations:manage                      own
yes  admin          placement:allocations:update                      own
no   member         placement:allocations:list                        own
yes  service        placement:allocation_candidates:list              own
no   reader         placement:allocation_candidates:list              own
yes  admin          placement:traits:update                           own
no   reader         placement:traits:list                             own
yes  service        placement:resource_classes:create                 own
no   manager        placement:resource_classes:list                   own
yes  service        placement:resource_providers:inventories:update   own
yes  admin          placement:resource_providers:aggregates:list      own
no   nobody         placement:resource_providers:allocations:list     own
"""

GLANCE = """
yes  reader         get_image              own-image
yes  reader         get_image              public-image
no   reader         get_image              private-image
yes  reader         get_image              image-shared-with-us
no   nobody         get_image              public-image
yes  reader         get_images             own
no   system-reader^ get_images             own
no   system-admin^  get_images             own
no   reader         add_image              own-image
yes  member         add_image              own-image
no   member         add_image              private-image
yes  admin          add_image              private-image
yes  member         modify_image           own-image
no   member         modify_image           public-image
no   reader         delete_image           own-image
yes  member         delete_image           own-image
no   member         publicize_image        own-image
yes  admin          publicize_image        own-image
yes  member         communitize_image      own-image
yes  member         download_image         public-image
no   reader         download_image         own-image
yes  member         upload_image           own-image
yes  member         add_member             own-image
no   member         add_member             image-shared-with-us
yes  member         modify_member          image-shared-with-us
no   member         modify_member          own-image
yes  reader         get_members            image-shared-with-us
no   reader         get_members            private-image
yes  service        fetch_image_location   private-image
no   member         fetch_image_location   own-image
no   member         copy_image             own-image
no   member         cache_list             own
yes  reader         get_metadef_namespace  public-image
no   member         add_metadef_namespace  own
yes  member         deactivate             own-image
"""

NEUTRON = """
yes  reader         get_network                       own
no   reader         get_network                       others
yes  reader         get_network                       shared-network
yes  nobody         get_network                       external-network
yes  service        get_network                       others
no   system-reader^ get_network                       own
no   system-admin^  create_network                    own
yes  member         create_network                    own
no   reader         create_network                    own
no   manager        create_network:shared             own
no   member         create_network:router:external    own
yes  admin          create_network:provider:network_type  own
no   member         get_network:provider:segmentation_id  own
yes  member         update_network                    own
no   member         delete_network                    shared-network
yes  member         create_port                       port-on-own-network
yes  nobody         create_port                       own-port-on-shared
no   member         create_port                       own-port
no   member         create_port:binding:host_id       own-port
yes  service        create_port:binding:host_id       own-port
no   admin          create_port:binding:profile       own-port
yes  service        create_port:binding:profile       own-port
no   member         create_port:mac_address           own-port-on-shared
yes  member         create_port:mac_address           port-on-own-network
yes  nobody         create_port:device_owner          own-compute-port
no   member         create_port:device_owner          own-router-port
yes  reader         get_port                          port-on-own-network
yes  member         delete_port                       own-port
no   member         delete_port                       own-compute-port
yes  service        delete_port                       own-compute-port
yes  member         update_port                       own-port
no   member         get_port:binding:vif_type         own-port
yes  member         create_subnet                     port-on-own-network
no   member         create_subnet                     own-port
yes  member         create_security_group_rule        rule-of-own-group
no   member         create_security_group_rule        rule-of-others-group
yes  member         create_floatingip                 own
no   member         create_floatingip:floating_ip_address  own
yes  manager        create_floatingip:floating_ip_address  own
no   member         create_router:ha                  own
yes  member         add_router_interface              own
no   member         create_rbac_policy:target_project rbac-for-all
yes  member         create_rbac_policy:target_tenant  rbac-for-one
no   member         get_quota                         own
yes  manager        get_quota                         own
no   manager        update_quota                      own
no   reader         get_agent                         own
yes  reader         get_availability_zone             own
yes  manager        create_policy                     own
no   member         create_policy                     own
"""

CINDER = """
yes  reader        volume:get_all                                            own
yes  reader        volume:get                                                own
no   reader        volume:get                                                others
no   reader        volume:create                                             own
yes  member        volume:create                                             own
no   member        volume:create                                             others
yes  admin         volume:delete                                             others
no   nobody        volume:get                                                own
no   member        volume:force_delete                                       own
yes  admin         volume:force_delete                                       own
yes  member        volume:extend                                             own
no   reader        volume:extend                                             own
yes  member        volume:retype                                             own
no   manager       volume_extension:volume_admin_actions:reset_status        own
yes  admin         volume_extension:volume_admin_actions:migrate_volume      own
yes  member        volume:attachment_create                                  own
no   reader        volume:attachment_create                                  own
yes  reader        volume:get_snapshot                                       own
yes  member        volume:create_snapshot                                    own
no   member        volume:delete_snapshot                                    others
yes  reader        volume_extension:type_get_all                             own
no   manager       volume_extension:type_create                              own
yes  admin         volume_extension:type_create                              own
yes  reader        volume_extension:quotas:show                              own
no   manager       volume_extension:quotas:update                            own
no   member        volume_extension:services:index                           own
yes  admin         volume_extension:services:index                           own
no   member        volume_extension:volume_host_attribute                    own
yes  reader        volume_extension:volume_tenant_attribute                  own
yes  reader        limits_extension:used_limits                              own
yes  member        volume:accept_transfer                                    own
no   service       volume:create                                             own
yes  system-admin  volume_extension:services:index                           own
no   system-reader volume:get                                                own
yes  member        volume_extension:volume_actions:upload_image              own
no   member        volume_extension:volume_actions:upload_public             own
"""

DECISIONS = [
    (service, *line.split())
    for service, text in zip(SERVICES, (KEYSTONE, NOVA, PLACEMENT, GLANCE, NEUTRON, CINDER), strict=True)
    for line in text.strip().splitlines()
]


@pytest.mark.parametrize("service", SERVICES)
def test_every_default_compiles_and_refers_to_rules_that_exist(service: str) -> None:
    policy = POLICY[service]
    assert len(policy.expressions) == COUNTS[service]
    assert policy.warnings == ()


@pytest.mark.parametrize(("service", "answer", "who", "rule", "target"), DECISIONS)
def test_a_decision(service: str, answer: str, who: str, rule: str, target: str) -> None:
    policy, creds = POLICY[service], PEOPLE[who.rstrip("^")]
    assert rule in policy.expressions
    refusal = Verdict.WRONG_SCOPE if who.endswith("^") else Verdict.NOT_ALLOWED
    expected = Verdict.ALLOWED if answer == "yes" else refusal
    reason = policy.explain(rule, creds, TARGETS[target])
    assert policy.judge(rule, creds, TARGETS[target]) is expected, str(reason)
