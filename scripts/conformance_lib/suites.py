# SPDX-License-Identifier: Apache-2.0
"""Which suites there are, and what each of them runs.

Run as a program it says their names and versions, and for that it needs nothing but Python.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = _HERE.parents[1] / ".cache"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Tests that may run beside one another, under one configuration."""

    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What differs from the usual tempest.conf, by section."""
    workers: int = 2

    def has(self, test: str) -> bool:
        """Whether a test of its packages belongs to it."""
        return not any(fnmatch(test, pattern) for pattern in self.without)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Tests that come in distributions from PyPI."""

    name: str
    distributions: tuple[str, ...]
    parts: tuple[Part, ...]
    service: str = "keystone"
    """The service that it judges, without which nothing of it can be run."""
    cloud: tuple[str, ...] = ()
    """What `cumulet up` is told besides the usual."""
    environment: str = "conformance"
    """The Python environment in which it is installed, by the name of its folder in .cache."""
    requirements: Path = _HERE / "requirements.txt"
    """What is installed there."""

    @property
    def python(self) -> Path:
        return _CACHE / self.environment / "bin/python"

    @property
    def versions(self) -> str:
        """Its distributions, each at the one version that may be installed."""
        lines = self.requirements.read_text().splitlines()
        pins = dict(line.split("==") for line in lines if "==" in line)
        return ", ".join(f"{name} {pins[name]}" for name in self.distributions)


def _tempest(name: str, package: str, *, service: str = "keystone") -> Suite:
    return Suite(name=name, distributions=("tempest",), parts=(Part(packages=(package,)),), service=service)


def _openstack(name: str, service: str) -> Suite:
    return Suite(
        name=f"osc-{name}",
        distributions=("python-openstackclient",),
        parts=(Part(packages=(f"openstackclient.tests.functional.{name}",)),),
        service=service,
    )


def _plugin(name: str, distribution: str, package: str, *, service: str = "") -> Suite:
    parts = (Part(packages=(package,)),)
    return Suite(name=name, distributions=(distribution,), parts=parts, service=service or name)


SMOKE = Suite(
    name="smoke",
    distributions=("tempest", "python-openstackclient"),
    parts=(
        Part(
            packages=(
                "tempest.api.identity.admin.v3.test_projects",
                "tempest.api.identity.v3.test_tokens",
                "tempest.api.image.v2.test_images_member",
                "tempest.api.network.test_networks",
                "tempest.api.network.test_floating_ips",
                "tempest.api.network.test_security_groups",
                "tempest.api.volume.test_volumes_list",
                "tempest.api.volume.test_volume_transfers",
                "tempest.api.compute.keypairs.test_keypairs",
                "tempest.api.compute.servers.test_create_server",
                "tempest.api.compute.servers.test_servers",
                "openstackclient.tests.functional.identity.v3.test_catalog",
                "openstackclient.tests.functional.identity.v3.test_project",
                "openstackclient.tests.functional.network.v2.test_ip_availability",
            ),
            without=(
                "*ProjectTests.test_project_[ls]*",
                "*.test_host_name_is_same_as_server_name",  # these look into a guest
                "*.test_verify_created_server_vcpus",
                "*FqdnHostnames.*",
                "*.ServerShowV263Test.*",
                "*.test_ip_availability_details",
            ),
        ),
    ),
)
"""A few minutes across all services, all of which pass."""

_ONLY_THEIR_ROLE = {"auth": {"tempest_roles": ""}}
"""Every persona has the role that it is named for and none besides, as tests of what each may do need."""

_OWN_NETWORKS = {"auth": {"create_isolated_networks": "true"}}
"""Each class of tests has a network with a router, over which floating IPs lead to its servers."""

SUITES = {
    suite.name: suite
    for suite in (
        SMOKE,
        _tempest("identity", "tempest.api.identity"),
        Suite(
            name="compute",
            distributions=("tempest",),
            parts=(
                Part(packages=("tempest.api.compute",), options=_OWN_NETWORKS),
                Part(packages=("tempest.serial_tests",), workers=1),
            ),
            service="nova",
        ),
        _tempest("image", "tempest.api.image", service="glance"),
        _tempest("network", "tempest.api.network", service="neutron"),
        _tempest("volume", "tempest.api.volume", service="cinder"),
        _tempest("object-storage", "tempest.api.object_storage", service="swift"),
        Suite(
            name="scenario",
            distributions=("tempest",),
            parts=(
                Part(
                    packages=("tempest.scenario",),
                    options={**_OWN_NETWORKS, "compute-feature-enabled": {"unified_limits": "true"}},
                ),
            ),
            service="nova",
            cloud=("--unified-limits", "flat"),
        ),
        _openstack("identity", "keystone"),
        _openstack("compute", "nova"),
        _openstack("network", "neutron"),
        _openstack("image", "glance"),
        _openstack("volume", "cinder"),
        _openstack("object", "swift"),
        _openstack("common", "keystone"),
        _plugin("barbican", "barbican-tempest-plugin", "barbican_tempest_plugin.tests"),
        _plugin("blazar", "blazar-tempest-plugin", "blazar_tempest_plugin.tests"),
        _plugin("designate", "designate-tempest-plugin", "designate_tempest_plugin.tests"),
        _plugin("freezer", "freezer-tempest-plugin", "freezer_tempest_plugin.tests"),
        _plugin("heat", "heat-tempest-plugin", "heat_tempest_plugin.tests"),
        _plugin("ironic", "ironic-tempest-plugin", "ironic_tempest_plugin.tests"),
        Suite(
            name="keystone",
            distributions=("keystone-tempest-plugin",),
            parts=(Part(packages=("keystone_tempest_plugin.tests",), options=_ONLY_THEIR_ROLE),),
        ),
        _plugin("kuryr", "kuryr-tempest-plugin", "kuryr_tempest_plugin.tests"),
        _plugin("magnum", "magnum-tempest-plugin", "magnum_tempest_plugin.tests"),
        _plugin("manila", "manila-tempest-plugin", "manila_tempest_tests.tests"),
        _plugin("mistral", "mistral-tempest-tests", "mistral_tempest_tests.tests"),
        _plugin("monasca", "monasca-tempest-plugin", "monasca_tempest_tests.tests"),
        _plugin("octavia", "octavia-tempest-plugin", "octavia_tempest_plugin.tests"),
        _plugin("senlin", "senlin-tempest-plugin", "senlin_tempest_plugin.tests"),
        _plugin("telemetry", "telemetry-tempest-plugin", "telemetry_tempest_plugin", service="aodh"),
        _plugin("horizon", "tempest-horizon", "tempest_horizon.tests", service="dashboard"),
        _plugin("trove", "trove-tempest-plugin", "trove_tempest_plugin.tests"),
        Suite(
            name="clients",
            distributions=("openstacksdk", "ansible", "boto3"),
            parts=(Part(packages=("clients",)),),
            environment="clients",
            requirements=_HERE / "clients/requirements.txt",
        ),
    )
}


def lines() -> list[str]:
    """Every suite by name, with its versions."""
    return [f"{suite.name:16} {suite.versions}" for suite in SUITES.values()]


if __name__ == "__main__":
    print("\n".join(lines()))
