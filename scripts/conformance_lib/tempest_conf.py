# SPDX-License-Identifier: Apache-2.0
"""tempest.conf: every feature that a complete cloud has is switched on.

A feature that is missing so shows as a failure; a switch that is off would hide it as a skip. Where
tempest has its defaults right nothing is said.
"""

from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from lab.cloud import PASSWORD

from conformance_lib.ground import Ground

Options = dict[str, dict[str, str]]

_ON = {
    "service_available": "cinder neutron glance swift nova horizon",
    "identity-feature-enabled": "trust security_compliance access_rules domain_specific_drivers",
    "compute-feature-enabled": """
        change_password resize shelve_migrate cold_migration live_migration live_migrate_back_and_forth
        block_migration_for_live_migration vnc_console spice_console serial_console stable_rescue personality
        attach_encrypted_volume swap_volume volume_backed_live_migration volume_multiattach
        hostname_fqdn_sanitization vtpm_live_migration""",
    "image": "image_caching_enabled",
    "image-feature-enabled": "manage_locations image_conversion http_store_enabled store_weight_enabled",
    "network-feature-enabled": "ipv6_subnet_attributes port_security qos_min_bw_and_pps",
    "volume-feature-enabled": """
        multi_backend manage_snapshot manage_volume extend_attached_volume
        extend_attached_encrypted_volume""",
    "enforce_scope": "nova neutron glance cinder keystone placement",
}
COMPLIANCE = {"lockout_failure_attempts": 2, "lockout_duration": 5, "unique_last_password_count": 2}
"""Keystone's settings, which tempest is told under the same names."""
SIGNATURES = {"allowed_digests": ["sha1", "sha256", "sha512"]}
"""Swift's settings: tempest signs forms with SHA-1, which DevStack allows."""
_BACKENDS = 2
"""tempest's tests of several backends want at least so many names."""


def options(ground: Ground, image_server: str, *, validate: bool) -> Options:
    """What tempest is told about this cloud, by section.

    `image_server` is the URL below which images can be fetched; with `validate` guests are logged in to.
    """
    told: Options = {section: dict.fromkeys(names.split(), "true") for section, names in _ON.items()}
    for section, more in (*_services(ground, image_server).items(), *_people(ground).items()):
        told[section] = told.get(section, {}) | more
    told["validation"] = _validation(validate)
    # Networks of their own cost time; without them no floating IP leads to a guest.
    told["auth"]["create_isolated_networks"] = str(validate).lower()
    return told


def write(
    path: Path, told: Mapping[str, Mapping[str, str]], different: Mapping[str, Mapping[str, str]]
) -> None:
    """A file that tempest reads; `different` goes over what is told."""
    parser = RawConfigParser(default_section="none")
    for section in {**told, **different}:
        parser[section] = {**told.get(section, {}), **different.get(section, {})}
    with path.open("w") as file:
        parser.write(file)


def _people(ground: Ground) -> Options:
    return {
        "DEFAULT": {"debug": "true", "log_file": "tempest.log"},
        "oslo_concurrency": {"lock_path": "tempest-lock"},
        "auth": {
            "admin_username": "admin",
            "admin_password": PASSWORD,
            "admin_project_name": "admin",
            "admin_domain_name": "Default",
            "use_dynamic_credentials": "true",
            "tempest_roles": "member",
        },
        "identity": {
            "uri_v3": f"{ground.url}/identity/v3",
            "region": "RegionOne",
            **{f"user_{name}": str(value) for name, value in COMPLIANCE.items()},
        },
    }


def _services(ground: Ground, image_server: str) -> Options:
    patience = {"build_timeout": "60", "build_interval": "1"}
    backends = [*ground.backends, *(f"backend-{number}" for number in range(_BACKENDS))][:_BACKENDS]
    return {
        "compute": {
            **patience,
            "flavor_ref": ground.flavor,
            "flavor_ref_alt": ground.other_flavor,
            "image_ref": ground.image,
            "image_ref_alt": ground.other_image,
            "fixed_network_name": ground.shared_network,
            "min_compute_nodes": str(len(ground.hosts)),
            "min_microversion": "2.1",
            "max_microversion": ground.newest["compute"],
            "migration_source_host": ground.hosts[0],
            "migration_dest_host": ground.hosts[-1],
        },
        "compute-feature-enabled": {
            "scheduler_enabled_filters": "all",
            "nova_policy_roles": "admin,manager,member,reader,service",
        },
        "placement": {"min_microversion": "1.0", "max_microversion": ground.newest["placement"]},
        "network": {
            **patience,
            "public_network_id": ground.public_network,
            "floating_network_name": "public",
            "project_network_v6_cidr": "2003::/48",
        },
        "network-feature-enabled": {"api_extensions": "all", "qos_placement_physnet": "public"},
        "image": {
            **patience,
            "http_image": f"{image_server}/image.raw",
            "http_qcow2_image": f"{image_server}/image.qcow2",
            "disk_formats": "qcow2,raw,ami,ari,aki,vhd,vmdk,vdi,iso,vhdx",
        },
        "scenario": {"img_file": str(ground.image_file)},
        "volume": {
            **patience,
            "min_microversion": "3.0",
            "max_microversion": ground.newest["volume"],
            "backend_names": ",".join(backends),
            "vendor_name": ground.vendor,
            "storage_protocol": ground.protocol,
            "volume_type_multiattach": ground.multiattach_type,
        },
    }


def _validation(validate: bool) -> dict[str, str]:
    if not validate:
        # Some tests try all the same; waiting for guests that nobody can reach would take hours.
        return {"run_validation": "false", "ssh_timeout": "5", "ping_timeout": "5"}
    return {
        "run_validation": "true",
        "image_ssh_user": "cirros",
        "image_alt_ssh_user": "cirros",
        "image_ssh_password": "gocubsgo",
        "image_alt_ssh_password": "gocubsgo",
    }
