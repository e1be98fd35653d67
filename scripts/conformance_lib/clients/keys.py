# SPDX-License-Identifier: Apache-2.0
"""What clients of S3 are told: an address from the catalog, and the key of an EC2 credential."""

import unittest
from dataclasses import dataclass

import openstack


@dataclass(frozen=True)
class S3:
    endpoint: str
    access: str
    secret: str


def s3_of(test: unittest.TestCase, cloud: str = "devstack") -> S3:
    """A key for the user of this cloud, which goes with the test."""
    connection = openstack.connect(cloud=cloud)
    test.addCleanup(connection.close)
    identity, user, project = connection.identity, connection.current_user_id, connection.current_project_id
    answer = identity.post(f"/users/{user}/credentials/OS-EC2", json={"tenant_id": project})
    key = answer.json()["credential"]
    test.addCleanup(identity.delete, f"/users/{user}/credentials/OS-EC2/{key['access']}")
    endpoint = connection.session.get_endpoint(service_type="s3", interface="public")
    return S3(endpoint, key["access"], key["secret"])
