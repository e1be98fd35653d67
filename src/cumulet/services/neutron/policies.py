# SPDX-License-Identifier: Apache-2.0
"""Neutron's default rules: the ones that upstream registers, by name, with the same checks and scopes.

A request must satisfy the rule of its operation and, for every attribute that it sets, the rule named
`<operation>:<attribute>` if there is one; what an answer shows is judged by `get_<resource>:<attribute>`.

The API describes the target with the resource's own fields, and where a rule asks for them, with
`network:project_id`, `ext_parent:project_id` (of the floating IP, router or policy that a nested resource
belongs to), `security_group:project_id` and the network's `shared`. `field:` is of kinds.py.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

ADMIN = "rule:admin_only"
SERVICE = "rule:service_api"
ADVSVC = "rule:context_is_advsvc"
ANY_READER = "role:reader"
NOBODY = "!"

OF_PROJECT = "project_id:%(project_id)s"
OF_NETWORK = "rule:network_owner"
OF_PARENT = "rule:ext_parent_owner"
OF_GROUP = "rule:sg_owner"

READER = f"({ADMIN}) or (role:reader and {OF_PROJECT})"
MEMBER = f"({ADMIN}) or (role:member and {OF_PROJECT})"
MANAGER = f"({ADMIN}) or (role:manager and {OF_PROJECT})"
PARENT_READER = f"({ADMIN}) or (role:reader and {OF_PARENT})"
PARENT_MEMBER = f"({ADMIN}) or (role:member and {OF_PARENT})"
PARENT_MANAGER = f"({ADMIN}) or (role:manager and {OF_PARENT})"
GROUP_READER = f"({ADMIN}) or (role:reader and {OF_GROUP})"
GROUP_MEMBER = f"({ADMIN}) or (role:member and {OF_GROUP})"
MEMBER_OR_SERVICE = f"{MEMBER} or {SERVICE}"
MEMBER_OR_ADVSVC = f"{MEMBER} or {ADVSVC}"
ADMIN_OR_SERVICE = f"({ADMIN}) or ({SERVICE})"
SERVICE_OR_MEMBER = f"{ADMIN_OR_SERVICE} or role:member and {OF_PROJECT}"
SERVICE_OR_READER = f"{ADMIN_OR_SERVICE} or role:reader and {OF_PROJECT}"
NETWORK_MEMBER = f"({ADMIN}) or (role:member and {OF_NETWORK})"
NETWORK_MEMBER_OR_SERVICE = f"{NETWORK_MEMBER} or {SERVICE}"
SERVICE_OR_NETWORK_MEMBER = f"{ADMIN_OR_SERVICE} or role:member and {OF_NETWORK}"
SERVICE_OR_NETWORK_MEMBER_OR_SHARED = f"{SERVICE_OR_NETWORK_MEMBER} or rule:shared"
SERVICE_OR_NETWORK_MANAGER = f"{ADMIN_OR_SERVICE} or role:manager and {OF_NETWORK}"
NOT_NETWORK_DEVICE = f"not rule:network_device or {SERVICE_OR_NETWORK_MEMBER}"
MEMBER_OF_NETWORK_OR_PROJECT = f"role:member and {OF_NETWORK} or role:member and {OF_PROJECT}"
SUBNET_MEMBER = f"role:member and {OF_PROJECT} or {NETWORK_MEMBER}"
SUBNET_READER = (
    f"role:reader and {OF_PROJECT} or rule:shared or rule:external_network"
    f" or ({ADMIN}) or (role:reader and {OF_NETWORK})"
)
QOS_READER = f"{READER} or rule:shared_qos_policy"
SECURITY_GROUP_READER = f"{READER} or rule:shared_security_group"
SUBNETPOOL_READER = f"{READER} or rule:shared_subnetpools"
NO_WILDCARD = "(not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)"
ADMIN_FOR_WILDCARD = f"{ADMIN} or {NO_WILDCARD}"
ADMIN_FOR_WILDCARD_PROJECT = f"{ADMIN} or not field:rbac_policy:target_project=*"

POLICIES: dict[str, Rule] = {
    # rules that others refer to
    "context_is_admin": Rule("role:admin", ANY_SCOPE),
    "context_with_global_access": Rule(NOBODY, ANY_SCOPE),
    "service_api": Rule("role:service", ANY_SCOPE),
    "owner": Rule(OF_PROJECT, ANY_SCOPE),
    "admin_or_owner": Rule("rule:context_is_admin or rule:owner", ANY_SCOPE),
    "context_is_advsvc": Rule("role:advsvc", ANY_SCOPE),
    "admin_or_network_owner": Rule("rule:context_is_admin or project_id:%(network:project_id)s", ANY_SCOPE),
    "admin_owner_or_network_owner": Rule("rule:owner or rule:admin_or_network_owner", ANY_SCOPE),
    "network_owner": Rule("project_id:%(network:project_id)s", ANY_SCOPE),
    "admin_only": Rule("rule:context_is_admin", ANY_SCOPE),
    "regular_user": Rule("", ANY_SCOPE),
    "shared": Rule("field:networks:shared=True", ANY_SCOPE),
    "default": Rule("rule:admin_or_owner", ANY_SCOPE),
    "admin_or_ext_parent_owner": Rule(
        "rule:context_is_admin or project_id:%(ext_parent:project_id)s", ANY_SCOPE
    ),
    "ext_parent_owner": Rule("project_id:%(ext_parent:project_id)s", ANY_SCOPE),
    "sg_owner": Rule("project_id:%(security_group:project_id)s", ANY_SCOPE),
    # address group
    "shared_address_groups": Rule("field:address_groups:shared=True", ANY_SCOPE),
    "create_address_group": Rule(MEMBER),
    "get_address_group": Rule(f"{READER} or rule:shared_address_groups"),
    "update_address_group": Rule(MEMBER),
    "delete_address_group": Rule(MEMBER),
    "add_addresses": Rule(MEMBER),
    "remove_addresses": Rule(MEMBER),
    # address scope
    "shared_address_scopes": Rule("field:address_scopes:shared=True", ANY_SCOPE),
    "create_address_scope": Rule(MEMBER),
    "create_address_scope:shared": Rule(ADMIN),
    "get_address_scope": Rule(f"{ADMIN} or role:reader and {OF_PROJECT} or rule:shared_address_scopes"),
    "update_address_scope": Rule(MEMBER),
    "update_address_scope:shared": Rule(ADMIN),
    "delete_address_scope": Rule(MEMBER),
    # agent
    "create_agent": Rule(ADMIN),
    "get_agent": Rule(ADMIN),
    "update_agent": Rule(ADMIN),
    "delete_agent": Rule(ADMIN),
    "create_dhcp-network": Rule(ADMIN),
    "get_dhcp-networks": Rule(ADMIN),
    "delete_dhcp-network": Rule(ADMIN),
    "create_l3-router": Rule(ADMIN),
    "get_l3-routers": Rule(ADMIN),
    "update_l3-router": Rule(ADMIN),
    "delete_l3-router": Rule(ADMIN),
    "get_dhcp-agents": Rule(ADMIN),
    "get_l3-agents": Rule(ADMIN),
    # auto allocated topology
    "get_auto_allocated_topology": Rule(READER),
    "delete_auto_allocated_topology": Rule(MEMBER),
    # availability zone
    "get_availability_zone": Rule(ANY_READER),
    # default security group rules
    "create_default_security_group_rule": Rule(ADMIN),
    "get_default_security_group_rule": Rule(ANY_READER),
    "delete_default_security_group_rule": Rule(ADMIN),
    # evpn
    "create_router:evpn_vni": Rule(ADMIN),
    "get_router:evpn_vni": Rule(READER),
    # flavor
    "create_flavor": Rule(ADMIN),
    "get_flavor": Rule(ANY_READER),
    "update_flavor": Rule(ADMIN),
    "delete_flavor": Rule(ADMIN),
    "create_service_profile": Rule(ADMIN),
    "get_service_profile": Rule(ADMIN),
    "update_service_profile": Rule(ADMIN),
    "delete_service_profile": Rule(ADMIN),
    "get_flavor_service_profile": Rule(READER),
    "create_flavor_service_profile": Rule(ADMIN),
    "delete_flavor_service_profile": Rule(ADMIN),
    # floatingip
    "create_floatingip": Rule(MEMBER),
    "create_floatingip:floating_ip_address": Rule(MANAGER),
    "create_floatingip:router_id": Rule(MEMBER),
    "create_floatingip:tags": Rule(MEMBER),
    "get_floatingip": Rule(READER),
    "get_floatingip:tags": Rule(READER),
    "update_floatingip": Rule(MEMBER),
    "update_floatingip:router_id": Rule(MEMBER),
    "update_floatingip:tags": Rule(MEMBER),
    "delete_floatingip": Rule(MEMBER),
    "delete_floatingip:tags": Rule(MEMBER),
    # floatingip pools
    "get_floatingip_pool": Rule(READER),
    # floatingip port forwarding
    "create_floatingip_port_forwarding": Rule(PARENT_MEMBER),
    "get_floatingip_port_forwarding": Rule(PARENT_READER),
    "update_floatingip_port_forwarding": Rule(PARENT_MEMBER),
    "delete_floatingip_port_forwarding": Rule(PARENT_MEMBER),
    # l3 conntrack helper
    "create_router_conntrack_helper": Rule(PARENT_MEMBER),
    "get_router_conntrack_helper": Rule(PARENT_READER),
    "update_router_conntrack_helper": Rule(PARENT_MEMBER),
    "delete_router_conntrack_helper": Rule(PARENT_MEMBER),
    # local ip
    "create_local_ip": Rule(MEMBER),
    "get_local_ip": Rule(READER),
    "update_local_ip": Rule(MEMBER),
    "delete_local_ip": Rule(MEMBER),
    # local ip association
    "create_local_ip_port_association": Rule(PARENT_MEMBER),
    "get_local_ip_port_association": Rule(PARENT_READER),
    "delete_local_ip_port_association": Rule(PARENT_MEMBER),
    # logging
    "get_loggable_resource": Rule(MANAGER),
    "create_log": Rule(MANAGER),
    "get_log": Rule(MANAGER),
    "update_log": Rule(MANAGER),
    "delete_log": Rule(MANAGER),
    # metering
    "create_metering_label": Rule(MANAGER),
    "get_metering_label": Rule(READER),
    "delete_metering_label": Rule(MANAGER),
    "create_metering_label_rule": Rule(MANAGER),
    "get_metering_label_rule": Rule(READER),
    "delete_metering_label_rule": Rule(MANAGER),
    # ndp proxy
    "create_ndp_proxy": Rule(MEMBER),
    "get_ndp_proxy": Rule(READER),
    "update_ndp_proxy": Rule(MEMBER),
    "delete_ndp_proxy": Rule(MEMBER),
    # network
    "external": Rule("field:networks:router:external=True", ANY_SCOPE),
    "create_network": Rule(MEMBER),
    "create_network:shared": Rule(ADMIN),
    "create_network:router:external": Rule(ADMIN),
    "create_network:is_default": Rule(ADMIN),
    "create_network:port_security_enabled": Rule(MEMBER),
    "create_network:segments": Rule(ADMIN),
    "create_network:provider:network_type": Rule(ADMIN),
    "create_network:provider:physical_network": Rule(ADMIN),
    "create_network:provider:segmentation_id": Rule(ADMIN),
    "create_network:tags": Rule(MEMBER),
    "get_network": Rule(f"{READER} or {SERVICE} or rule:shared or rule:external or {ADVSVC}"),
    "get_network:segments": Rule(ADMIN),
    "get_network:provider:network_type": Rule(ADMIN),
    "get_network:provider:physical_network": Rule(ADMIN),
    "get_network:provider:segmentation_id": Rule(ADMIN),
    "get_network:tags": Rule(f"{READER} or rule:shared or rule:external or {ADVSVC}"),
    "update_network": Rule(MEMBER),
    "update_network:segments": Rule(ADMIN),
    "update_network:shared": Rule(ADMIN),
    "update_network:provider:network_type": Rule(ADMIN),
    "update_network:provider:physical_network": Rule(ADMIN),
    "update_network:provider:segmentation_id": Rule(ADMIN),
    "update_network:router:external": Rule(ADMIN),
    "update_network:is_default": Rule(ADMIN),
    "update_network:port_security_enabled": Rule(MEMBER),
    "update_network:tags": Rule(MEMBER),
    "delete_network": Rule(MEMBER),
    "delete_network:tags": Rule(MEMBER),
    # network ip availability
    "get_network_ip_availability": Rule(ADMIN_OR_SERVICE),
    # network segment range
    "create_network_segment_range": Rule(ADMIN),
    "create_network_segment_range:tags": Rule(ADMIN),
    "get_network_segment_range": Rule(ADMIN),
    "get_network_segment_range:tags": Rule(ADMIN),
    "update_network_segment_range": Rule(ADMIN),
    "update_network_segment_range:tags": Rule(ADMIN),
    "delete_network_segment_range": Rule(ADMIN),
    "delete_network_segment_range:tags": Rule(ADMIN),
    # port bindings
    "get_port_binding": Rule(ADMIN_OR_SERVICE),
    "create_port_binding": Rule(SERVICE),
    "delete_port_binding": Rule(SERVICE),
    "activate": Rule(SERVICE),
    # port
    "network_device": Rule("field:port:device_owner=~^network:", ANY_SCOPE),
    "compute_device": Rule("field:port:device_owner=~^compute:", ANY_SCOPE),
    "baremetal_device": Rule("field:port:device_owner=~^baremetal:", ANY_SCOPE),
    "manila_device": Rule("field:port:device_owner=~^manila:", ANY_SCOPE),
    "admin_or_data_plane_int": Rule("rule:context_is_admin or role:data_plane_integrator", ANY_SCOPE),
    "create_port": Rule(SERVICE_OR_NETWORK_MEMBER_OR_SHARED),
    "create_port:device_id": Rule(MEMBER_OR_SERVICE),
    "create_port:device_owner": Rule(NOT_NETWORK_DEVICE),
    "create_port:mac_address": Rule(SERVICE_OR_NETWORK_MEMBER),
    "create_port:fixed_ips": Rule(SERVICE_OR_NETWORK_MEMBER_OR_SHARED),
    "create_port:fixed_ips:ip_address": Rule(SERVICE_OR_NETWORK_MEMBER),
    "create_port:fixed_ips:subnet_id": Rule(SERVICE_OR_NETWORK_MEMBER_OR_SHARED),
    "create_port:port_security_enabled": Rule(SERVICE_OR_NETWORK_MEMBER),
    "create_port:binding:host_id": Rule(ADMIN_OR_SERVICE),
    "create_port:binding:profile": Rule(SERVICE),
    "create_port:binding:vnic_type": Rule(MEMBER_OR_SERVICE),
    "create_port:allowed_address_pairs": Rule(NETWORK_MEMBER_OR_SERVICE),
    "create_port:allowed_address_pairs:mac_address": Rule(NETWORK_MEMBER_OR_SERVICE),
    "create_port:allowed_address_pairs:ip_address": Rule(NETWORK_MEMBER_OR_SERVICE),
    "create_port:hints": Rule(ADMIN),
    "create_port:trusted": Rule(ADMIN),
    "create_port:tags": Rule(MEMBER_OR_ADVSVC),
    "get_port": Rule(f"{ADMIN_OR_SERVICE} or role:reader and {OF_NETWORK} or role:reader and {OF_PROJECT}"),
    "get_port:binding:vif_type": Rule(ADMIN_OR_SERVICE),
    "get_port:binding:vif_details": Rule(ADMIN_OR_SERVICE),
    "get_port:binding:host_id": Rule(ADMIN_OR_SERVICE),
    "get_port:binding:profile": Rule(ADMIN_OR_SERVICE),
    "get_port:resource_request": Rule(ADMIN),
    "get_port:hints": Rule(ADMIN),
    "get_port:trusted": Rule(ADMIN),
    "get_port:tags": Rule(
        f"{ADVSVC} or ({ADMIN}) or (role:reader and {OF_NETWORK}) or role:reader and {OF_PROJECT}"
    ),
    "update_port": Rule(SERVICE_OR_MEMBER),
    "update_port:device_id": Rule(MEMBER_OR_SERVICE),
    "update_port:device_owner": Rule(NOT_NETWORK_DEVICE),
    "update_port:mac_address": Rule(SERVICE_OR_NETWORK_MANAGER),
    "update_port:fixed_ips": Rule(SERVICE_OR_NETWORK_MEMBER),
    "update_port:fixed_ips:ip_address": Rule(SERVICE_OR_NETWORK_MEMBER),
    "update_port:fixed_ips:subnet_id": Rule(SERVICE_OR_NETWORK_MEMBER_OR_SHARED),
    "update_port:port_security_enabled": Rule(SERVICE_OR_NETWORK_MEMBER),
    "update_port:binding:host_id": Rule(ADMIN_OR_SERVICE),
    "update_port:binding:profile": Rule(SERVICE),
    "update_port:binding:vnic_type": Rule(SERVICE_OR_MEMBER),
    "update_port:allowed_address_pairs": Rule(NETWORK_MEMBER_OR_SERVICE),
    "update_port:allowed_address_pairs:mac_address": Rule(NETWORK_MEMBER_OR_SERVICE),
    "update_port:allowed_address_pairs:ip_address": Rule(NETWORK_MEMBER_OR_SERVICE),
    "update_port:data_plane_status": Rule("rule:admin_only or role:data_plane_integrator"),
    "update_port:hints": Rule(ADMIN),
    "update_port:trusted": Rule(ADMIN),
    "update_port:tags": Rule(MEMBER_OR_ADVSVC),
    "delete_port": Rule(
        f"{ADMIN_OR_SERVICE} or (service_roles:service and ({MEMBER_OF_NETWORK_OR_PROJECT}))"
        " or (not rule:compute_device and not rule:baremetal_device and not rule:manila_device"
        f" and ({MEMBER_OF_NETWORK_OR_PROJECT}))"
    ),
    "delete_port:tags": Rule(f"{ADVSVC} or {SUBNET_MEMBER}"),
    # pvlan
    "create_port:pvlan_type": Rule(MEMBER),
    "create_port:pvlan_community": Rule(MEMBER),
    "update_port:pvlan_type": Rule(MEMBER),
    "update_port:pvlan_community": Rule(MEMBER),
    "get_port:pvlan_type": Rule(READER),
    "get_port:pvlan_community": Rule(READER),
    "create_network:pvlan": Rule(MEMBER),
    "update_network:pvlan": Rule(MEMBER),
    "get_network:pvlan": Rule(READER),
    # qos
    "shared_qos_policy": Rule("field:policies:shared=True", ANY_SCOPE),
    "get_policy": Rule(QOS_READER),
    "get_policy:tags": Rule(QOS_READER),
    "create_policy": Rule(MANAGER),
    "create_policy:tags": Rule(MANAGER),
    "update_policy": Rule(MANAGER),
    "update_policy:tags": Rule(MANAGER),
    "delete_policy": Rule(MANAGER),
    "delete_policy:tags": Rule(MANAGER),
    "get_rule_type": Rule(ANY_READER),
    "get_policy_bandwidth_limit_rule": Rule(PARENT_READER),
    "create_policy_bandwidth_limit_rule": Rule(PARENT_MANAGER),
    "update_policy_bandwidth_limit_rule": Rule(PARENT_MANAGER),
    "delete_policy_bandwidth_limit_rule": Rule(PARENT_MANAGER),
    "get_policy_packet_rate_limit_rule": Rule(PARENT_READER),
    "create_policy_packet_rate_limit_rule": Rule(PARENT_MANAGER),
    "update_policy_packet_rate_limit_rule": Rule(PARENT_MANAGER),
    "delete_policy_packet_rate_limit_rule": Rule(PARENT_MANAGER),
    "get_policy_dscp_marking_rule": Rule(PARENT_READER),
    "create_policy_dscp_marking_rule": Rule(PARENT_MANAGER),
    "update_policy_dscp_marking_rule": Rule(PARENT_MANAGER),
    "delete_policy_dscp_marking_rule": Rule(PARENT_MANAGER),
    "get_policy_minimum_bandwidth_rule": Rule(PARENT_READER),
    "create_policy_minimum_bandwidth_rule": Rule(PARENT_MANAGER),
    "update_policy_minimum_bandwidth_rule": Rule(PARENT_MANAGER),
    "delete_policy_minimum_bandwidth_rule": Rule(PARENT_MANAGER),
    "get_policy_minimum_packet_rate_rule": Rule(PARENT_READER),
    "create_policy_minimum_packet_rate_rule": Rule(PARENT_MANAGER),
    "update_policy_minimum_packet_rate_rule": Rule(PARENT_MANAGER),
    "delete_policy_minimum_packet_rate_rule": Rule(PARENT_MANAGER),
    "get_alias_bandwidth_limit_rule": Rule(PARENT_READER),
    "update_alias_bandwidth_limit_rule": Rule(PARENT_MANAGER),
    "delete_alias_bandwidth_limit_rule": Rule(PARENT_MANAGER),
    "get_alias_dscp_marking_rule": Rule(PARENT_READER),
    "update_alias_dscp_marking_rule": Rule(PARENT_MANAGER),
    "delete_alias_dscp_marking_rule": Rule(PARENT_MANAGER),
    "get_alias_minimum_bandwidth_rule": Rule(PARENT_READER),
    "update_alias_minimum_bandwidth_rule": Rule(PARENT_MANAGER),
    "delete_alias_minimum_bandwidth_rule": Rule(PARENT_MANAGER),
    "get_alias_minimum_packet_rate_rule": Rule("rule:get_policy_minimum_packet_rate_rule"),
    "update_alias_minimum_packet_rate_rule": Rule("rule:update_policy_minimum_packet_rate_rule"),
    "delete_alias_minimum_packet_rate_rule": Rule("rule:delete_policy_minimum_packet_rate_rule"),
    # quotas
    "get_quota": Rule(MANAGER),
    "update_quota": Rule(ADMIN),
    "delete_quota": Rule(ADMIN),
    # rbac
    "restrict_wildcard": Rule(f"{NO_WILDCARD} or {ADMIN}", ANY_SCOPE),
    "create_rbac_policy": Rule(MEMBER),
    "create_rbac_policy:target_tenant": Rule(ADMIN_FOR_WILDCARD),
    "create_rbac_policy:target_project": Rule(ADMIN_FOR_WILDCARD_PROJECT),
    "update_rbac_policy": Rule(MEMBER),
    "update_rbac_policy:target_tenant": Rule(ADMIN_FOR_WILDCARD),
    "update_rbac_policy:target_project": Rule(ADMIN_FOR_WILDCARD_PROJECT),
    "get_rbac_policy": Rule(READER),
    "delete_rbac_policy": Rule(MEMBER),
    # router
    "create_router": Rule(MEMBER),
    "create_router:distributed": Rule(ADMIN),
    "create_router:ha": Rule(ADMIN),
    "create_router:external_gateway_info": Rule(MEMBER),
    "create_router:external_gateway_info:network_id": Rule(MEMBER),
    "create_router:external_gateway_info:enable_snat": Rule(ADMIN),
    "create_router:external_gateway_info:external_fixed_ips": Rule(ADMIN),
    "create_router:enable_default_route_bfd": Rule(ADMIN),
    "create_router:enable_default_route_ecmp": Rule(ADMIN),
    "create_router:tags": Rule(MEMBER),
    "get_router": Rule(READER),
    "get_router:distributed": Rule(ADMIN),
    "get_router:ha": Rule(ADMIN),
    "get_router:tags": Rule(READER),
    "update_router": Rule(MEMBER),
    "update_router:distributed": Rule(ADMIN),
    "update_router:ha": Rule(ADMIN),
    "update_router:external_gateway_info": Rule(MEMBER),
    "update_router:external_gateway_info:network_id": Rule(MEMBER),
    "update_router:external_gateway_info:enable_snat": Rule(ADMIN),
    "update_router:external_gateway_info:external_fixed_ips": Rule(ADMIN),
    "update_router:enable_default_route_bfd": Rule(ADMIN),
    "update_router:enable_default_route_ecmp": Rule(ADMIN),
    "update_router:tags": Rule(MEMBER),
    "delete_router": Rule(MEMBER),
    "delete_router:tags": Rule(MEMBER),
    "add_router_interface": Rule(MEMBER),
    "remove_router_interface": Rule(MEMBER),
    "add_extraroutes": Rule(MEMBER),
    "remove_extraroutes": Rule(MEMBER),
    "add_external_gateways": Rule(MEMBER),
    "add_external_gateways:external_gateways": Rule(MEMBER),
    "add_external_gateways:external_gateways:network_id": Rule(MEMBER),
    "add_external_gateways:external_gateways:enable_snat": Rule(ADMIN),
    "add_external_gateways:external_gateways:external_fixed_ips": Rule(ADMIN),
    "update_external_gateways": Rule(MEMBER),
    "update_external_gateways:external_gateways": Rule(MEMBER),
    "update_external_gateways:external_gateways:network_id": Rule(MEMBER),
    "update_external_gateways:external_gateways:enable_snat": Rule(ADMIN),
    "update_external_gateways:external_gateways:external_fixed_ips": Rule(ADMIN),
    "remove_external_gateways": Rule(MEMBER),
    "remove_external_gateways:external_gateways": Rule(MEMBER),
    # security group
    "admin_or_sg_owner": Rule("rule:context_is_admin or project_id:%(security_group:project_id)s", ANY_SCOPE),
    "admin_owner_or_sg_owner": Rule("rule:owner or rule:admin_or_sg_owner", ANY_SCOPE),
    "shared_security_group": Rule("field:security_groups:shared=True", ANY_SCOPE),
    "rule_default_sg": Rule("field:security_group_rules:belongs_to_default_sg=True", ANY_SCOPE),
    "create_default_security_group": Rule(SERVICE_OR_READER),
    "create_security_group": Rule(MEMBER),
    "create_security_group:tags": Rule(MEMBER),
    "get_security_group": Rule(SECURITY_GROUP_READER),
    "get_security_group:tags": Rule(SECURITY_GROUP_READER),
    "update_security_group": Rule(MEMBER),
    "update_security_group:tags": Rule(MEMBER),
    "delete_security_group": Rule(MEMBER),
    "delete_security_group:tags": Rule(MEMBER),
    "create_security_group_rule": Rule(GROUP_MEMBER),
    "get_security_group_rule": Rule(GROUP_READER),
    "delete_security_group_rule": Rule(GROUP_MEMBER),
    # security groups default statefulness
    "create_security_groups_default_statefulness": Rule(MANAGER),
    "get_security_groups_default_statefulness": Rule(READER),
    "update_security_groups_default_statefulness": Rule(MANAGER),
    "delete_security_groups_default_statefulness": Rule(MANAGER),
    # segment
    "create_segment": Rule(ADMIN),
    "create_segments_tags": Rule(ADMIN),
    "get_segment": Rule(ADMIN),
    "get_segments_tags": Rule(ADMIN),
    "update_segment": Rule(ADMIN),
    "update_segments_tags": Rule(ADMIN),
    "delete_segment": Rule(ADMIN),
    "delete_segments_tags": Rule(ADMIN),
    # service type
    "get_service_provider": Rule(ANY_READER),
    # subnet
    "external_network": Rule("field:subnets:router:external=True", ANY_SCOPE),
    "create_subnet": Rule(NETWORK_MEMBER),
    "create_subnet:segment_id": Rule(ADMIN),
    "create_subnet:service_types": Rule(ADMIN),
    "create_subnet:tags": Rule(SUBNET_MEMBER),
    "get_subnet": Rule(f"{SUBNET_READER} or {SERVICE}"),
    "get_subnet:segment_id": Rule(ADMIN),
    "get_subnet:tags": Rule(SUBNET_READER),
    "update_subnet": Rule(SUBNET_MEMBER),
    "update_subnet:segment_id": Rule(ADMIN),
    "update_subnet:service_types": Rule(ADMIN),
    "update_subnet:leak_routes": Rule(ADMIN),
    "update_subnet:tags": Rule(SUBNET_MEMBER),
    "delete_subnet": Rule(SUBNET_MEMBER),
    "delete_subnet:tags": Rule(SUBNET_MEMBER),
    # subnetpool
    "shared_subnetpools": Rule("field:subnetpools:shared=True", ANY_SCOPE),
    "create_subnetpool": Rule(MEMBER),
    "create_subnetpool:shared": Rule(ADMIN),
    "create_subnetpool:is_default": Rule(ADMIN),
    "create_subnetpool:tags": Rule(MEMBER),
    "get_subnetpool": Rule(SUBNETPOOL_READER),
    "get_subnetpool:tags": Rule(SUBNETPOOL_READER),
    "update_subnetpool": Rule(MEMBER),
    "update_subnetpool:is_default": Rule(ADMIN),
    "update_subnetpool:tags": Rule(MEMBER),
    "delete_subnetpool": Rule(MEMBER),
    "delete_subnetpool:tags": Rule(MEMBER),
    "onboard_network_subnets": Rule(MEMBER),
    "add_prefixes": Rule(MEMBER),
    "remove_prefixes": Rule(MEMBER),
    # trunk
    "create_trunk": Rule(MEMBER),
    "create_trunk:tags": Rule(MEMBER),
    "get_trunk": Rule(READER),
    "get_trunk:tags": Rule(READER),
    "update_trunk": Rule(MEMBER),
    "update_trunk:tags": Rule(MEMBER),
    "delete_trunk": Rule(MEMBER),
    "delete_trunk:tags": Rule(MEMBER),
    "get_subports": Rule(READER),
    "add_subports": Rule(MEMBER),
    "remove_subports": Rule(MEMBER),
}
