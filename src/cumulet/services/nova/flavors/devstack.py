# SPDX-License-Identifier: Apache-2.0
"""The flavors that DevStack makes, and that its CI expects."""

from cumulet.kernel.db import Tx
from cumulet.services.nova.flavors.model import Flavor

# id, name, memory in MiB, disk in GiB, processors
FLAVORS = (
    ("1", "m1.tiny", 512, 1, 1),
    ("2", "m1.small", 2048, 20, 1),
    ("3", "m1.medium", 4096, 40, 2),
    ("4", "m1.large", 8192, 80, 4),
    ("5", "m1.xlarge", 16384, 160, 8),
    ("42", "m1.nano", 192, 1, 1),
    ("84", "m1.micro", 256, 1, 1),
    ("c1", "cirros256", 256, 1, 1),
    ("d1", "ds512M", 512, 5, 1),
    ("d2", "ds1G", 1024, 10, 1),
    ("d3", "ds2G", 2048, 10, 2),
    ("d4", "ds4G", 4096, 20, 4),
)


def make(tx: Tx) -> None:
    """Every flavor of the table exists; one that an operator has changed stays as it is."""
    for id, name, ram, disk, vcpus in FLAVORS:
        if not tx.exists(Flavor, (Flavor.c.id == id) | (Flavor.c.name == name)):
            tx.insert(Flavor(id=id, name=name, ram=ram, disk=disk, vcpus=vcpus))
