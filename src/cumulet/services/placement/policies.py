# SPDX-License-Identifier: Apache-2.0
"""Placement's default rules: the ones that upstream registers, by name, with the same checks and scopes.

Nearly all of it is for the services and for admins; a reader may see the usage of its own project.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

ADMIN_OR_SERVICE = "rule:admin_or_service_api"
PROJECT_READER = "rule:admin_or_project_reader_or_service_api"
SERVICE = "rule:service_api"

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "admin_api": Rule("role:admin"),
    "service_api": Rule("role:service"),
    "admin_or_service_api": Rule("role:admin or role:service"),
    "project_reader_api": Rule("role:reader and project_id:%(project_id)s", ANY_SCOPE),
    "admin_or_project_reader_or_service_api": Rule("role:admin or rule:project_reader_api or role:service"),
    # resource provider
    "placement:resource_providers:list": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:create": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:show": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:update": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:delete": Rule(ADMIN_OR_SERVICE),
    # resource class
    "placement:resource_classes:list": Rule(ADMIN_OR_SERVICE),
    "placement:resource_classes:create": Rule(ADMIN_OR_SERVICE),
    "placement:resource_classes:show": Rule(ADMIN_OR_SERVICE),
    "placement:resource_classes:update": Rule(ADMIN_OR_SERVICE),
    "placement:resource_classes:delete": Rule(ADMIN_OR_SERVICE),
    # inventory
    "placement:resource_providers:inventories:list": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:inventories:create": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:inventories:show": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:inventories:update": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:inventories:delete": Rule(ADMIN_OR_SERVICE),
    # aggregate
    "placement:resource_providers:aggregates:list": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:aggregates:update": Rule(ADMIN_OR_SERVICE),
    # usage
    "placement:resource_providers:usages": Rule(ADMIN_OR_SERVICE),
    "placement:usages": Rule(PROJECT_READER),
    # trait
    "placement:traits:list": Rule(ADMIN_OR_SERVICE),
    "placement:traits:show": Rule(ADMIN_OR_SERVICE),
    "placement:traits:update": Rule(ADMIN_OR_SERVICE),
    "placement:traits:delete": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:traits:list": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:traits:update": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:traits:delete": Rule(ADMIN_OR_SERVICE),
    # allocation
    "placement:allocations:manage": Rule(ADMIN_OR_SERVICE),
    "placement:allocations:list": Rule(ADMIN_OR_SERVICE),
    "placement:allocations:update": Rule(ADMIN_OR_SERVICE),
    "placement:allocations:delete": Rule(ADMIN_OR_SERVICE),
    "placement:resource_providers:allocations:list": Rule(ADMIN_OR_SERVICE),
    # allocation candidate
    "placement:allocation_candidates:list": Rule(ADMIN_OR_SERVICE),
    # reshaper
    "placement:reshaper:reshape": Rule(SERVICE),
}
