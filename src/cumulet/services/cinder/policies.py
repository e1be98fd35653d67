# SPDX-License-Identifier: Apache-2.0
"""Cinder's default rules: the ones that upstream registers, by name, with the same checks.

Upstream names no scopes here, so a token of any scope may ask; its project decides.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

ADMIN = "rule:admin_api"
MEMBER = "rule:xena_system_admin_or_project_member"
READER = "rule:xena_system_admin_or_project_reader"
OF_PROJECT = "project_id:%(project_id)s"
GLOBAL_ADMIN = "is_admin:True or (role:admin and is_admin_project:True)"

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "admin_or_owner": Rule(f"{GLOBAL_ADMIN} or {OF_PROJECT}", ANY_SCOPE),
    "system_or_domain_or_project_admin": Rule(
        "(role:admin and system_scope:all) or (role:admin and domain_id:%(domain_id)s)"
        f" or (role:admin and {OF_PROJECT})",
        ANY_SCOPE,
    ),
    "context_is_admin": Rule("role:admin", ANY_SCOPE),
    "admin_api": Rule(GLOBAL_ADMIN, ANY_SCOPE),
    "xena_system_admin_or_project_reader": Rule(f"(role:admin) or (role:reader and {OF_PROJECT})", ANY_SCOPE),
    "xena_system_admin_or_project_member": Rule(f"(role:admin) or (role:member and {OF_PROJECT})", ANY_SCOPE),
    # attachments
    "volume:attachment_create": Rule(MEMBER, ANY_SCOPE),
    "volume:attachment_update": Rule(MEMBER, ANY_SCOPE),
    "volume:attachment_delete": Rule(MEMBER, ANY_SCOPE),
    "volume:attachment_complete": Rule(MEMBER, ANY_SCOPE),
    "volume:multiattach_bootable_volume": Rule(MEMBER, ANY_SCOPE),
    # messages
    "message:get_all": Rule(READER, ANY_SCOPE),
    "message:get": Rule(READER, ANY_SCOPE),
    "message:delete": Rule(MEMBER, ANY_SCOPE),
    # clusters
    "clusters:get_all": Rule(ADMIN, ANY_SCOPE),
    "clusters:get": Rule(ADMIN, ANY_SCOPE),
    "clusters:update": Rule(ADMIN, ANY_SCOPE),
    # workers
    "workers:cleanup": Rule(ADMIN, ANY_SCOPE),
    # snapshot metadata
    "volume:get_snapshot_metadata": Rule(READER, ANY_SCOPE),
    "volume:update_snapshot_metadata": Rule(MEMBER, ANY_SCOPE),
    "volume:delete_snapshot_metadata": Rule(MEMBER, ANY_SCOPE),
    # snapshots
    "volume:get_all_snapshots": Rule(READER, ANY_SCOPE),
    "volume_extension:extended_snapshot_attributes": Rule(READER, ANY_SCOPE),
    "volume:create_snapshot": Rule(MEMBER, ANY_SCOPE),
    "volume:get_snapshot": Rule(READER, ANY_SCOPE),
    "volume:update_snapshot": Rule(MEMBER, ANY_SCOPE),
    "volume:delete_snapshot": Rule(MEMBER, ANY_SCOPE),
    # snapshot actions
    "volume_extension:snapshot_admin_actions:reset_status": Rule(ADMIN, ANY_SCOPE),
    "snapshot_extension:snapshot_actions:update_snapshot_status": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:snapshot_admin_actions:force_delete": Rule(ADMIN, ANY_SCOPE),
    # manageable snapshots
    "snapshot_extension:list_manageable": Rule(ADMIN, ANY_SCOPE),
    "snapshot_extension:snapshot_manage": Rule(ADMIN, ANY_SCOPE),
    "snapshot_extension:snapshot_unmanage": Rule(ADMIN, ANY_SCOPE),
    # backups
    "backup:get_all": Rule(READER, ANY_SCOPE),
    "backup:backup_project_attribute": Rule(ADMIN, ANY_SCOPE),
    "backup:create": Rule(MEMBER, ANY_SCOPE),
    "backup:get": Rule(READER, ANY_SCOPE),
    "backup:update": Rule(MEMBER, ANY_SCOPE),
    "backup:delete": Rule(MEMBER, ANY_SCOPE),
    "backup:restore": Rule(MEMBER, ANY_SCOPE),
    "backup:backup-import": Rule(ADMIN, ANY_SCOPE),
    "backup:export-import": Rule(ADMIN, ANY_SCOPE),
    # backup actions
    "volume_extension:backup_admin_actions:reset_status": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:backup_admin_actions:force_delete": Rule(ADMIN, ANY_SCOPE),
    # groups
    "group:get_all": Rule(READER, ANY_SCOPE),
    "group:create": Rule(MEMBER, ANY_SCOPE),
    "group:get": Rule(READER, ANY_SCOPE),
    "group:update": Rule(MEMBER, ANY_SCOPE),
    "group:group_project_attribute": Rule(ADMIN, ANY_SCOPE),
    # group types
    "group:group_types:create": Rule(ADMIN, ANY_SCOPE),
    "group:group_types:update": Rule(ADMIN, ANY_SCOPE),
    "group:group_types:delete": Rule(ADMIN, ANY_SCOPE),
    "group:access_group_types_specs": Rule(ADMIN, ANY_SCOPE),
    "group:group_types_specs:get": Rule(ADMIN, ANY_SCOPE),
    "group:group_types_specs:get_all": Rule(ADMIN, ANY_SCOPE),
    "group:group_types_specs:create": Rule(ADMIN, ANY_SCOPE),
    "group:group_types_specs:update": Rule(ADMIN, ANY_SCOPE),
    "group:group_types_specs:delete": Rule(ADMIN, ANY_SCOPE),
    # group snapshots
    "group:get_all_group_snapshots": Rule(READER, ANY_SCOPE),
    "group:create_group_snapshot": Rule(MEMBER, ANY_SCOPE),
    "group:get_group_snapshot": Rule(READER, ANY_SCOPE),
    "group:delete_group_snapshot": Rule(MEMBER, ANY_SCOPE),
    "group:update_group_snapshot": Rule(MEMBER, ANY_SCOPE),
    "group:group_snapshot_project_attribute": Rule(ADMIN, ANY_SCOPE),
    # group snapshot actions
    "group:reset_group_snapshot_status": Rule(ADMIN, ANY_SCOPE),
    # group actions
    "group:delete": Rule(MEMBER, ANY_SCOPE),
    "group:reset_status": Rule(ADMIN, ANY_SCOPE),
    "group:enable_replication": Rule(MEMBER, ANY_SCOPE),
    "group:disable_replication": Rule(MEMBER, ANY_SCOPE),
    "group:failover_replication": Rule(MEMBER, ANY_SCOPE),
    "group:list_replication_targets": Rule(MEMBER, ANY_SCOPE),
    # qos specs
    "volume_extension:qos_specs_manage:get_all": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:qos_specs_manage:get": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:qos_specs_manage:create": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:qos_specs_manage:update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:qos_specs_manage:delete": Rule(ADMIN, ANY_SCOPE),
    # quota class
    "volume_extension:quota_classes:get": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:quota_classes:update": Rule(ADMIN, ANY_SCOPE),
    # quotas
    "volume_extension:quotas:show": Rule(READER, ANY_SCOPE),
    "volume_extension:quotas:update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:quotas:delete": Rule(ADMIN, ANY_SCOPE),
    # capabilities
    "volume_extension:capabilities": Rule(ADMIN, ANY_SCOPE),
    # services
    "volume_extension:services:index": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:services:update": Rule(ADMIN, ANY_SCOPE),
    "volume:freeze_host": Rule(ADMIN, ANY_SCOPE),
    "volume:thaw_host": Rule(ADMIN, ANY_SCOPE),
    "volume:failover_host": Rule(ADMIN, ANY_SCOPE),
    # scheduler stats
    "scheduler_extension:scheduler_stats:get_pools": Rule(ADMIN, ANY_SCOPE),
    # hosts
    "volume_extension:hosts": Rule(ADMIN, ANY_SCOPE),
    # limits
    "limits_extension:used_limits": Rule(READER, ANY_SCOPE),
    # manageable volumes
    "volume_extension:list_manageable": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_manage": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_unmanage": Rule(ADMIN, ANY_SCOPE),
    # volume type
    "volume_extension:type_create": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:type_update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:type_delete": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:type_get": Rule(READER, ANY_SCOPE),
    "volume_extension:type_get_all": Rule(READER, ANY_SCOPE),
    "volume_extension:access_types_extra_specs": Rule(READER, ANY_SCOPE),
    "volume_extension:access_types_qos_specs_id": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_encryption": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_encryption:create": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_encryption:get": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_encryption:update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_encryption:delete": Rule(ADMIN, ANY_SCOPE),
    # volume access
    "volume_extension:volume_type_access": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_type_access:addProjectAccess": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_access:removeProjectAccess": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_type_access:get_all_for_type": Rule(ADMIN, ANY_SCOPE),
    # volume actions
    "volume:extend": Rule(MEMBER, ANY_SCOPE),
    "volume:extend_attached_volume": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_admin_actions:extend_volume_completion": Rule(ADMIN, ANY_SCOPE),
    "volume:revert_to_snapshot": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_admin_actions:reset_status": Rule(ADMIN, ANY_SCOPE),
    "volume:retype": Rule(MEMBER, ANY_SCOPE),
    "volume:update_readonly_flag": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_admin_actions:force_delete": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_actions:upload_public": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_actions:upload_image": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_admin_actions:force_detach": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_admin_actions:migrate_volume": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_admin_actions:migrate_volume_completion": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_actions:initialize_connection": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:terminate_connection": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:roll_detaching": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:reserve": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:unreserve": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:begin_detaching": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:attach": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_actions:detach": Rule(MEMBER, ANY_SCOPE),
    "volume:reimage": Rule(MEMBER, ANY_SCOPE),
    "volume:reimage_reserved": Rule(MEMBER, ANY_SCOPE),
    # volume transfer
    "volume:get_all_transfers": Rule(READER, ANY_SCOPE),
    "volume:create_transfer": Rule(MEMBER, ANY_SCOPE),
    "volume:get_transfer": Rule(READER, ANY_SCOPE),
    "volume:accept_transfer": Rule(MEMBER, ANY_SCOPE),
    "volume:delete_transfer": Rule(MEMBER, ANY_SCOPE),
    # volume metadata
    "volume:get_volume_metadata": Rule(READER, ANY_SCOPE),
    "volume:create_volume_metadata": Rule(MEMBER, ANY_SCOPE),
    "volume:update_volume_metadata": Rule(MEMBER, ANY_SCOPE),
    "volume:delete_volume_metadata": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_image_metadata:show": Rule(READER, ANY_SCOPE),
    "volume_extension:volume_image_metadata:set": Rule(MEMBER, ANY_SCOPE),
    "volume_extension:volume_image_metadata:remove": Rule(MEMBER, ANY_SCOPE),
    "volume:update_volume_admin_metadata": Rule(ADMIN, ANY_SCOPE),
    # type extra specs
    "volume_extension:types_extra_specs:index": Rule(READER, ANY_SCOPE),
    "volume_extension:types_extra_specs:create": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:types_extra_specs:show": Rule(READER, ANY_SCOPE),
    "volume_extension:types_extra_specs:read_sensitive": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:types_extra_specs:update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:types_extra_specs:delete": Rule(ADMIN, ANY_SCOPE),
    # volumes
    "volume:create": Rule(MEMBER, ANY_SCOPE),
    "volume:create_from_image": Rule(MEMBER, ANY_SCOPE),
    "volume:get": Rule(READER, ANY_SCOPE),
    "volume:get_all": Rule(READER, ANY_SCOPE),
    "volume:update": Rule(MEMBER, ANY_SCOPE),
    "volume:delete": Rule(MEMBER, ANY_SCOPE),
    "volume:force_delete": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_host_attribute": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_tenant_attribute": Rule(READER, ANY_SCOPE),
    "volume_extension:volume_mig_status_attribute": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:volume_encryption_metadata": Rule(READER, ANY_SCOPE),
    "volume:multiattach": Rule(MEMBER, ANY_SCOPE),
    # default types
    "volume_extension:default_set_or_update": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:default_get": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:default_get_all": Rule(ADMIN, ANY_SCOPE),
    "volume_extension:default_unset": Rule(ADMIN, ANY_SCOPE),
}
