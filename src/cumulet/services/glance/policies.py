# SPDX-License-Identifier: Apache-2.0
"""Glance's default rules: the ones that upstream registers, by name, with the same checks and scopes.

The target of an image rule holds `project_id` (its owner), `visibility`, and `member_id` if the image is
shared with the caller's project.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

ANYONE = ""
ADMIN = "rule:context_is_admin"
SERVICE = "rule:service_api"
BY_DEFAULT = "rule:default"
METADEF_ADMIN = "rule:metadef_admin"
MEMBER = f"{ADMIN} or (role:member and project_id:%(project_id)s)"
READER = f"{ADMIN} or (role:reader and project_id:%(project_id)s)"
METADEF_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"

OWN = "role:member and project_id:%(project_id)s and project_id:%(owner)s"
OWN_OR_SHARED = "(project_id:%(project_id)s or project_id:%(member_id)s)"
VISIBLE = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s"
    " or 'public':%(visibility)s or 'shared':%(visibility)s)"
)
READER_IF_VISIBLE = f"{ADMIN} or (role:reader and {VISIBLE})"
MEMBER_IF_VISIBLE = f"{ADMIN} or (role:member and {VISIBLE})"
READER_OF_SHARING = f"{ADMIN} or role:reader and {OWN_OR_SHARED}"

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "default": Rule(ANYONE, ANY_SCOPE),
    "context_is_admin": Rule("role:admin", ANY_SCOPE),
    "service_api": Rule("role:service or role:admin", ANY_SCOPE),
    # image
    "add_image": Rule(f"{ADMIN} or ({OWN})"),
    "delete_image": Rule(MEMBER),
    "get_image": Rule(READER_IF_VISIBLE),
    "get_images": Rule(READER),
    "modify_image": Rule(MEMBER),
    "publicize_image": Rule(ADMIN),
    "communitize_image": Rule(MEMBER),
    "download_image": Rule(MEMBER_IF_VISIBLE),
    "download_from_store": Rule(MEMBER_IF_VISIBLE),
    "upload_image": Rule(MEMBER),
    "delete_image_location": Rule(ADMIN),
    "get_image_location": Rule(READER),
    "set_image_location": Rule(MEMBER),
    "add_image_location": Rule(f"{SERVICE} or ({OWN})"),
    "fetch_image_location": Rule(SERVICE),
    "add_member": Rule(MEMBER),
    "delete_member": Rule(MEMBER),
    "get_member": Rule(READER_OF_SHARING),
    "get_members": Rule(READER_OF_SHARING),
    "modify_member": Rule(f"{ADMIN} or (role:member and project_id:%(member_id)s)"),
    "manage_image_cache": Rule(ADMIN),
    "deactivate": Rule(MEMBER),
    "reactivate": Rule(MEMBER),
    "copy_image": Rule(ADMIN),
    "list_cached_nodes": Rule(ADMIN),
    # tasks
    "get_task": Rule(BY_DEFAULT),
    "get_tasks": Rule(BY_DEFAULT),
    "add_task": Rule(BY_DEFAULT),
    "modify_task": Rule(BY_DEFAULT),
    "tasks_api_access": Rule(ADMIN),
    # metadef
    "metadef_default": Rule(ANYONE, ANY_SCOPE),
    "metadef_admin": Rule(ADMIN, ANY_SCOPE),
    "get_metadef_namespace": Rule(METADEF_READER),
    "get_metadef_namespaces": Rule(READER),
    "modify_metadef_namespace": Rule(METADEF_ADMIN),
    "add_metadef_namespace": Rule(METADEF_ADMIN),
    "delete_metadef_namespace": Rule(METADEF_ADMIN),
    "get_metadef_object": Rule(METADEF_READER),
    "get_metadef_objects": Rule(METADEF_READER),
    "modify_metadef_object": Rule(METADEF_ADMIN),
    "add_metadef_object": Rule(METADEF_ADMIN),
    "delete_metadef_object": Rule(METADEF_ADMIN),
    "list_metadef_resource_types": Rule(METADEF_READER),
    "get_metadef_resource_type": Rule(METADEF_READER),
    "add_metadef_resource_type_association": Rule(METADEF_ADMIN),
    "remove_metadef_resource_type_association": Rule(METADEF_ADMIN),
    "get_metadef_property": Rule(METADEF_READER),
    "get_metadef_properties": Rule(METADEF_READER),
    "modify_metadef_property": Rule(METADEF_ADMIN),
    "add_metadef_property": Rule(METADEF_ADMIN),
    "remove_metadef_property": Rule(METADEF_ADMIN),
    "get_metadef_tag": Rule(METADEF_READER),
    "get_metadef_tags": Rule(METADEF_READER),
    "modify_metadef_tag": Rule(METADEF_ADMIN),
    "add_metadef_tag": Rule(METADEF_ADMIN),
    "add_metadef_tags": Rule(METADEF_ADMIN),
    "delete_metadef_tag": Rule(METADEF_ADMIN),
    "delete_metadef_tags": Rule(METADEF_ADMIN),
    # cache
    "cache_image": Rule(ADMIN),
    "cache_list": Rule(ADMIN),
    "cache_delete": Rule(ADMIN),
    "cache_clean": Rule(ADMIN),
    "cache_prune": Rule(ADMIN),
    # discovery
    "stores_info_detail": Rule(f"{ADMIN} or {SERVICE}"),
}
