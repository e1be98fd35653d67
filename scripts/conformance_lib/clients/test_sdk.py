# SPDX-License-Identifier: Apache-2.0
"""openstacksdk, as its documentation shows it: the cloud layer and the proxies."""

import secrets
import tempfile
import unittest

import openstack
from openstack.exceptions import ConflictException


class OpenStackSdk(unittest.TestCase):
    """One user's programs in a project of their own."""

    def setUp(self) -> None:
        self.admin = self.connect("devstack-admin")
        self.name = f"sdk-{secrets.token_hex(4)}"

    def connect(self, cloud: str) -> openstack.connection.Connection:
        connection = openstack.connect(cloud=cloud)
        self.addCleanup(connection.close)
        return connection

    def test_a_person_is_let_into_a_project(self) -> None:
        identity = self.admin.identity
        project = identity.create_project(name=self.name, description="made by the SDK", domain_id="default")
        self.addCleanup(identity.delete_project, project)
        user = identity.create_user(name=self.name, password="secret", default_project_id=project.id)
        self.addCleanup(identity.delete_user, user)
        self.admin.grant_role("member", user=user.id, project=project.id)
        held = identity.role_assignments(user_id=user.id, scope_project_id=project.id, include_names=True)
        self.assertEqual([item.role["name"] for item in held], ["member"])
        auth = {"username": self.name, "password": "secret", "project_id": project.id}
        person = self.admin.connect_as(**auth, user_domain_id="default")
        self.assertEqual(person.current_project_id, project.id)
        self.assertEqual(list(person.compute.servers()), [])
        self.assertEqual([row.name for row in identity.projects(name=self.name)], [self.name])

    def test_an_image_is_uploaded_changed_and_downloaded(self) -> None:
        content = secrets.token_bytes(5000)
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            image = self.admin.create_image(
                self.name, filename=file.name, disk_format="raw", container_format="bare", wait=True,
                visibility="private", hw_disk_bus="virtio",
            )  # fmt: skip
        self.addCleanup(self.admin.delete_image, image.id, wait=True)
        self.assertEqual((image.status, image.size, image.hw_disk_bus), ("active", 5000, "virtio"))
        changed = self.admin.image.update_image(image, name=f"{self.name}-2", min_disk=1)
        self.assertEqual((changed.name, changed.min_disk), (f"{self.name}-2", 1))
        self.assertEqual(self.admin.image.download_image(image).content, content)
        self.admin.image.add_tag(image, "checked")
        self.assertEqual([row.id for row in self.admin.image.images(tag="checked")], [image.id])

    def test_a_network_gets_a_way_out_and_an_address(self) -> None:
        user = self.connect("devstack")
        network = user.create_network(self.name)
        self.addCleanup(user.delete_network, network.id)
        subnet = user.create_subnet(network.id, cidr="10.77.0.0/24", subnet_name=self.name)
        public = user.network.find_network("public", ignore_missing=False)
        router = user.create_router(self.name, ext_gateway_net_id=public.id)
        self.addCleanup(user.delete_router, router.id)
        user.add_router_interface(router, subnet_id=subnet.id)
        self.addCleanup(user.remove_router_interface, router, subnet_id=subnet.id)
        with self.assertRaises(ConflictException):
            user.network.delete_subnet(subnet.id)
        group = user.create_security_group(self.name, "ssh only")
        self.addCleanup(user.delete_security_group, group.id)
        rule = user.create_security_group_rule(group.id, 22, 22, "tcp", "0.0.0.0/0")
        self.assertEqual((rule.port_range_min, rule.ether_type), (22, "IPv4"))
        port = user.network.create_port(network_id=network.id, security_groups=[group.id])
        self.addCleanup(user.network.delete_port, port.id)
        address = user.network.create_ip(floating_network_id=public.id, port_id=port.id)
        self.addCleanup(user.network.delete_ip, address)
        self.assertEqual(address.fixed_ip_address, port.fixed_ips[0]["ip_address"])

    def test_a_server_with_a_volume_lives_and_goes(self) -> None:
        user = self.connect("devstack")
        keypair = user.create_keypair(self.name)
        self.addCleanup(user.delete_keypair, self.name)
        self.assertIn("PRIVATE KEY", keypair.private_key)
        image = next(user.image.images(visibility="public"))
        server = user.create_server(
            self.name, image=image.id, flavor="m1.nano", network="private", key_name=self.name, wait=True,
            auto_ip=False, meta={"purpose": "trial"}, timeout=120,
        )  # fmt: skip
        self.addCleanup(user.delete_server, server.id, wait=True, timeout=120)
        self.assertEqual((server.status, server.metadata), ("ACTIVE", {"purpose": "trial"}))
        volume = user.create_volume(1, name=self.name, wait=True, timeout=120)
        self.addCleanup(user.delete_volume, volume.id, wait=True, timeout=120)
        attached = user.attach_volume(server, volume, wait=True, timeout=120)
        self.assertEqual(attached.volume_id, volume.id)
        user.detach_volume(server, user.get_volume(volume.id), wait=True, timeout=120)
        snapshot = user.create_volume_snapshot(volume.id, name=self.name, wait=True, timeout=120)
        user.delete_volume_snapshot(snapshot.id, wait=True, timeout=120)
        user.compute.stop_server(server)
        stopped = user.compute.wait_for_server(server, status="SHUTOFF", interval=1, wait=120)
        self.assertEqual(stopped.status, "SHUTOFF")
