# SPDX-License-Identifier: Apache-2.0
"""Nova's default rules: the ones that upstream registers, by name, with the same checks and scopes.

The admin of any project is the admin of all. A manager migrates the servers of its own project but may not
name a host; what other services tell Nova needs the service role.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

ANYONE = "@"
NOBODY = "!"
ADMIN = "rule:context_is_admin"
MANAGER = "rule:project_manager_or_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
SERVICE = "rule:service_or_admin"
USER = "(rule:context_is_admin) or user_id:%(user_id)s"

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "context_is_admin": Rule("role:admin", ANY_SCOPE),
    "admin_or_owner": Rule("is_admin:True or project_id:%(project_id)s", ANY_SCOPE),
    "admin_api": Rule("is_admin:True", ANY_SCOPE),
    "project_manager_api": Rule("role:manager and project_id:%(project_id)s", ANY_SCOPE),
    "project_member_api": Rule("role:member and project_id:%(project_id)s", ANY_SCOPE),
    "project_reader_api": Rule("role:reader and project_id:%(project_id)s", ANY_SCOPE),
    "service_api": Rule("role:service", ANY_SCOPE),
    "project_manager_or_admin": Rule("rule:project_manager_api or rule:context_is_admin", ANY_SCOPE),
    "project_member_or_admin": Rule("rule:project_member_api or rule:context_is_admin", ANY_SCOPE),
    "project_reader_or_admin": Rule("rule:project_reader_api or rule:context_is_admin", ANY_SCOPE),
    "service_or_admin": Rule("rule:service_api or rule:context_is_admin", ANY_SCOPE),
    # admin actions
    "os_compute_api:os-admin-actions:reset_state": Rule(ADMIN),
    "os_compute_api:os-admin-actions:inject_network_info": Rule(ADMIN),
    # admin password
    "os_compute_api:os-admin-password": Rule(MEMBER),
    # aggregates
    "os_compute_api:os-aggregates:set_metadata": Rule(ADMIN),
    "os_compute_api:os-aggregates:add_host": Rule(ADMIN),
    "os_compute_api:os-aggregates:create": Rule(ADMIN),
    "os_compute_api:os-aggregates:remove_host": Rule(ADMIN),
    "os_compute_api:os-aggregates:update": Rule(ADMIN),
    "os_compute_api:os-aggregates:index": Rule(ADMIN),
    "os_compute_api:os-aggregates:delete": Rule(ADMIN),
    "os_compute_api:os-aggregates:show": Rule(ADMIN),
    "compute:aggregates:images": Rule(ADMIN),
    # assisted volume snapshots
    "os_compute_api:os-assisted-volume-snapshots:create": Rule(SERVICE),
    "os_compute_api:os-assisted-volume-snapshots:delete": Rule(SERVICE),
    # attach interfaces
    "os_compute_api:os-attach-interfaces:list": Rule(READER),
    "os_compute_api:os-attach-interfaces:show": Rule(READER),
    "os_compute_api:os-attach-interfaces:create": Rule(MEMBER),
    "os_compute_api:os-attach-interfaces:delete": Rule(MEMBER),
    # availability zone
    "os_compute_api:os-availability-zone:list": Rule(ANYONE),
    "os_compute_api:os-availability-zone:detail": Rule(ADMIN),
    # baremetal nodes
    "os_compute_api:os-baremetal-nodes:list": Rule(ADMIN),
    "os_compute_api:os-baremetal-nodes:show": Rule(ADMIN),
    # console auth tokens
    "os_compute_api:os-console-auth-tokens": Rule(ADMIN),
    # console output
    "os_compute_api:os-console-output": Rule(MEMBER),
    # create backup
    "os_compute_api:os-create-backup": Rule(MEMBER),
    # deferred delete
    "os_compute_api:os-deferred-delete:restore": Rule(MEMBER),
    "os_compute_api:os-deferred-delete:force": Rule(MEMBER),
    # evacuate
    "os_compute_api:os-evacuate": Rule(ADMIN),
    # extended server attributes
    "os_compute_api:os-extended-server-attributes": Rule(ADMIN),
    # extensions
    "os_compute_api:extensions": Rule(ANYONE),
    # flavor access
    "os_compute_api:os-flavor-access:add_tenant_access": Rule(ADMIN),
    "os_compute_api:os-flavor-access:remove_tenant_access": Rule(ADMIN),
    "os_compute_api:os-flavor-access": Rule(ADMIN),
    # flavor extra specs
    "os_compute_api:os-flavor-extra-specs:show": Rule(READER),
    "os_compute_api:os-flavor-extra-specs:create": Rule(ADMIN),
    "os_compute_api:os-flavor-extra-specs:update": Rule(ADMIN),
    "os_compute_api:os-flavor-extra-specs:delete": Rule(ADMIN),
    "os_compute_api:os-flavor-extra-specs:index": Rule(READER),
    # flavor manage
    "os_compute_api:os-flavor-manage:create": Rule(ADMIN),
    "os_compute_api:os-flavor-manage:update": Rule(ADMIN),
    "os_compute_api:os-flavor-manage:delete": Rule(ADMIN),
    # floating ip pools
    "os_compute_api:os-floating-ip-pools": Rule(ANYONE),
    # floating ips
    "os_compute_api:os-floating-ips:add": Rule(MEMBER),
    "os_compute_api:os-floating-ips:remove": Rule(MEMBER),
    "os_compute_api:os-floating-ips:list": Rule(READER),
    "os_compute_api:os-floating-ips:create": Rule(MEMBER),
    "os_compute_api:os-floating-ips:show": Rule(READER),
    "os_compute_api:os-floating-ips:delete": Rule(MEMBER),
    # hosts
    "os_compute_api:os-hosts:list": Rule(ADMIN),
    "os_compute_api:os-hosts:show": Rule(ADMIN),
    "os_compute_api:os-hosts:update": Rule(ADMIN),
    "os_compute_api:os-hosts:reboot": Rule(ADMIN),
    "os_compute_api:os-hosts:shutdown": Rule(ADMIN),
    "os_compute_api:os-hosts:start": Rule(ADMIN),
    # hypervisors
    "os_compute_api:os-hypervisors:list": Rule(ADMIN),
    "os_compute_api:os-hypervisors:list-detail": Rule(ADMIN),
    "os_compute_api:os-hypervisors:statistics": Rule(ADMIN),
    "os_compute_api:os-hypervisors:show": Rule(ADMIN),
    "os_compute_api:os-hypervisors:uptime": Rule(ADMIN),
    "os_compute_api:os-hypervisors:search": Rule(ADMIN),
    "os_compute_api:os-hypervisors:servers": Rule(ADMIN),
    # instance actions
    "os_compute_api:os-instance-actions:events:details": Rule(ADMIN),
    "os_compute_api:os-instance-actions:events": Rule(ADMIN),
    "os_compute_api:os-instance-actions:list": Rule(READER),
    "os_compute_api:os-instance-actions:show": Rule(READER),
    # instance usage audit log
    "os_compute_api:os-instance-usage-audit-log:list": Rule(ADMIN),
    "os_compute_api:os-instance-usage-audit-log:show": Rule(ADMIN),
    # ips
    "os_compute_api:ips:show": Rule(READER),
    "os_compute_api:ips:index": Rule(READER),
    # keypairs
    "os_compute_api:os-keypairs:index": Rule(USER),
    "os_compute_api:os-keypairs:create": Rule(USER),
    "os_compute_api:os-keypairs:delete": Rule(USER),
    "os_compute_api:os-keypairs:show": Rule(USER),
    # limits
    "os_compute_api:limits": Rule(ANYONE),
    "os_compute_api:limits:other_project": Rule(ADMIN),
    # lock server
    "os_compute_api:os-lock-server:lock": Rule(MEMBER),
    "os_compute_api:os-lock-server:unlock": Rule(MEMBER),
    "os_compute_api:os-lock-server:unlock:unlock_override": Rule(ADMIN),
    # migrate server
    "os_compute_api:os-migrate-server:migrate": Rule(MANAGER),
    "os_compute_api:os-migrate-server:migrate:host": Rule(ADMIN),
    "os_compute_api:os-migrate-server:migrate_live": Rule(MANAGER),
    "os_compute_api:os-migrate-server:migrate_live:host": Rule(ADMIN),
    # migrations
    "os_compute_api:os-migrations:index": Rule(MANAGER),
    "os_compute_api:os-migrations:index:all_projects": Rule(ADMIN),
    "os_compute_api:os-migrations:index:host": Rule(ADMIN),
    # multinic
    "os_compute_api:os-multinic:add": Rule(MEMBER),
    "os_compute_api:os-multinic:remove": Rule(MEMBER),
    # networks
    "os_compute_api:os-networks:list": Rule(READER),
    "os_compute_api:os-networks:show": Rule(READER),
    # pause server
    "os_compute_api:os-pause-server:pause": Rule(MEMBER),
    "os_compute_api:os-pause-server:unpause": Rule(MEMBER),
    # quota class sets
    "os_compute_api:os-quota-class-sets:show": Rule(ADMIN),
    "os_compute_api:os-quota-class-sets:update": Rule(ADMIN),
    # quota sets
    "os_compute_api:os-quota-sets:update": Rule(ADMIN),
    "os_compute_api:os-quota-sets:defaults": Rule(ANYONE),
    "os_compute_api:os-quota-sets:show": Rule(READER),
    "os_compute_api:os-quota-sets:delete": Rule(ADMIN),
    "os_compute_api:os-quota-sets:detail": Rule(READER),
    # remote consoles
    "os_compute_api:os-remote-consoles": Rule(MEMBER),
    # rescue
    "os_compute_api:os-rescue": Rule(MEMBER),
    "os_compute_api:os-unrescue": Rule(MEMBER),
    # security groups
    "os_compute_api:os-security-groups:get": Rule(READER),
    "os_compute_api:os-security-groups:show": Rule(READER),
    "os_compute_api:os-security-groups:create": Rule(MEMBER),
    "os_compute_api:os-security-groups:update": Rule(MEMBER),
    "os_compute_api:os-security-groups:delete": Rule(MEMBER),
    "os_compute_api:os-security-groups:rule:create": Rule(MEMBER),
    "os_compute_api:os-security-groups:rule:delete": Rule(MEMBER),
    "os_compute_api:os-security-groups:list": Rule(READER),
    "os_compute_api:os-security-groups:add": Rule(MEMBER),
    "os_compute_api:os-security-groups:remove": Rule(MEMBER),
    # server diagnostics
    "os_compute_api:os-server-diagnostics": Rule(ADMIN),
    # server external events
    "os_compute_api:os-server-external-events:create": Rule(SERVICE),
    # server groups
    "os_compute_api:os-server-groups:create": Rule(MEMBER),
    "os_compute_api:os-server-groups:delete": Rule(MEMBER),
    "os_compute_api:os-server-groups:index": Rule(READER),
    "os_compute_api:os-server-groups:index:all_projects": Rule(ADMIN),
    "os_compute_api:os-server-groups:show": Rule(READER),
    # server metadata
    "os_compute_api:server-metadata:index": Rule(READER),
    "os_compute_api:server-metadata:show": Rule(READER),
    "os_compute_api:server-metadata:create": Rule(MEMBER),
    "os_compute_api:server-metadata:update_all": Rule(MEMBER),
    "os_compute_api:server-metadata:update": Rule(MEMBER),
    "os_compute_api:server-metadata:delete": Rule(MEMBER),
    # server password
    "os_compute_api:os-server-password:show": Rule(READER),
    "os_compute_api:os-server-password:clear": Rule(MEMBER),
    # server shares
    "os_compute_api:os-server-shares:index": Rule(READER),
    "os_compute_api:os-server-shares:create": Rule(MEMBER),
    "os_compute_api:os-server-shares:show": Rule(READER),
    "os_compute_api:os-server-shares:delete": Rule(MEMBER),
    # server tags
    "os_compute_api:os-server-tags:delete_all": Rule(MEMBER),
    "os_compute_api:os-server-tags:index": Rule(READER),
    "os_compute_api:os-server-tags:update_all": Rule(MEMBER),
    "os_compute_api:os-server-tags:delete": Rule(MEMBER),
    "os_compute_api:os-server-tags:update": Rule(MEMBER),
    "os_compute_api:os-server-tags:show": Rule(READER),
    # server topology
    "compute:server:topology:index": Rule(READER),
    "compute:server:topology:host:index": Rule(ADMIN),
    # servers
    "os_compute_api:servers:index": Rule(READER),
    "os_compute_api:servers:detail": Rule(READER),
    "os_compute_api:servers:index:get_all_tenants": Rule(ADMIN),
    "os_compute_api:servers:detail:get_all_tenants": Rule(ADMIN),
    "os_compute_api:servers:allow_all_filters": Rule(ADMIN),
    "os_compute_api:servers:show": Rule(READER),
    "os_compute_api:servers:show:flavor-extra-specs": Rule(READER),
    "os_compute_api:servers:show:host_status": Rule(ADMIN),
    "os_compute_api:servers:show:host_status:unknown-only": Rule(ADMIN),
    "os_compute_api:servers:create": Rule(MEMBER),
    "os_compute_api:servers:create:forced_host": Rule(ADMIN),
    "compute:servers:create:requested_destination": Rule(ADMIN),
    "os_compute_api:servers:create:attach_volume": Rule(MEMBER),
    "os_compute_api:servers:create:attach_network": Rule(MEMBER),
    "os_compute_api:servers:create:trusted_certs": Rule(MEMBER),
    "os_compute_api:servers:create:zero_disk_flavor": Rule(ADMIN),
    "network:attach_external_network": Rule(ADMIN),
    "os_compute_api:servers:delete": Rule(MEMBER),
    "os_compute_api:servers:update": Rule(MEMBER),
    "os_compute_api:servers:confirm_resize": Rule(MEMBER),
    "os_compute_api:servers:revert_resize": Rule(MEMBER),
    "os_compute_api:servers:reboot": Rule(MEMBER),
    "os_compute_api:servers:resize": Rule(MEMBER),
    "compute:servers:resize:cross_cell": Rule(NOBODY),
    "os_compute_api:servers:rebuild": Rule(MEMBER),
    "os_compute_api:servers:rebuild:trusted_certs": Rule(MEMBER),
    "os_compute_api:servers:create_image": Rule(MEMBER),
    "os_compute_api:servers:create_image:allow_volume_backed": Rule(MEMBER),
    "os_compute_api:servers:start": Rule(MEMBER),
    "os_compute_api:servers:stop": Rule(MEMBER),
    "os_compute_api:servers:trigger_crash_dump": Rule(MEMBER),
    # servers migrations
    "os_compute_api:servers:migrations:show": Rule(ADMIN),
    "os_compute_api:servers:migrations:force_complete": Rule(MANAGER),
    "os_compute_api:servers:migrations:delete": Rule(MANAGER),
    "os_compute_api:servers:migrations:index": Rule(MANAGER),
    "os_compute_api:servers:migrations:index:host": Rule(ADMIN),
    # services
    "os_compute_api:os-services:list": Rule(ADMIN),
    "os_compute_api:os-services:update": Rule(ADMIN),
    "os_compute_api:os-services:delete": Rule(ADMIN),
    # shelve
    "os_compute_api:os-shelve:shelve": Rule(MEMBER),
    "os_compute_api:os-shelve:unshelve": Rule(MEMBER),
    "os_compute_api:os-shelve:unshelve_to_host": Rule(ADMIN),
    "os_compute_api:os-shelve:shelve_offload": Rule(ADMIN),
    # simple tenant usage
    "os_compute_api:os-simple-tenant-usage:show": Rule(READER),
    "os_compute_api:os-simple-tenant-usage:list": Rule(ADMIN),
    # suspend server
    "os_compute_api:os-suspend-server:resume": Rule(MEMBER),
    "os_compute_api:os-suspend-server:suspend": Rule(MEMBER),
    # tenant networks
    "os_compute_api:os-tenant-networks:list": Rule(READER),
    "os_compute_api:os-tenant-networks:show": Rule(READER),
    # volumes
    "os_compute_api:os-volumes:list": Rule(READER),
    "os_compute_api:os-volumes:create": Rule(MEMBER),
    "os_compute_api:os-volumes:detail": Rule(READER),
    "os_compute_api:os-volumes:show": Rule(READER),
    "os_compute_api:os-volumes:delete": Rule(MEMBER),
    "os_compute_api:os-volumes:snapshots:list": Rule(READER),
    "os_compute_api:os-volumes:snapshots:create": Rule(MEMBER),
    "os_compute_api:os-volumes:snapshots:detail": Rule(READER),
    "os_compute_api:os-volumes:snapshots:show": Rule(READER),
    "os_compute_api:os-volumes:snapshots:delete": Rule(MEMBER),
    # volumes attachments
    "os_compute_api:os-volumes-attachments:index": Rule(READER),
    "os_compute_api:os-volumes-attachments:create": Rule(MEMBER),
    "os_compute_api:os-volumes-attachments:show": Rule(READER),
    "os_compute_api:os-volumes-attachments:update": Rule(MEMBER),
    "os_compute_api:os-volumes-attachments:swap": Rule(SERVICE),
    "os_compute_api:os-volumes-attachments:delete": Rule(MEMBER),
}
