# SPDX-License-Identifier: Apache-2.0
"""Guests are plugged into taps that live in a network namespace of the plane."""

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine_lab import Machine, a_guest, a_machine, needs_qemu

from cumulet.agent.drivers.linux_network import namespaces, taps
from cumulet.agent.drivers.linux_network.namespaces import inside
from cumulet.contracts.documents import GuestNic, tap_name

pytestmark = [needs_qemu, pytest.mark.skipif(os.geteuid() != 0, reason="taps are made by root")]


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"cumulet-test-{os.getpid()}"
    namespaces.ensure_namespace(name)
    yield name
    namespaces.remove_namespace(name)


@pytest.fixture
def machine(namespace: str) -> Iterator[Machine]:
    async def open_tap(port_id: str) -> int:
        return taps.open_tap(namespace, tap_name(port_id), offload=True)

    with a_machine(open_tap) as machine:
        yield machine


def a_nic(namespace: str) -> GuestNic:
    """A NIC whose tap the network driver has made."""
    port_id = str(uuid.uuid4())
    taps.make_tap(namespace, tap_name(port_id), 0)
    return GuestNic(port_id=port_id, mac_address="fa:16:3e:00:00:01")


def in_use(namespace: str, nic: GuestNic) -> bool:
    """Whether some process has the tap open: a second one could not."""
    with inside(namespace):
        try:
            os.close(taps.open_tap(namespace, tap_name(nic.port_id), offload=True))
        except OSError:
            return True
    return False


def test_taps_are_handed_to_a_guest_at_its_start_and_while_it_runs(machine: Machine, namespace: str) -> None:
    first, second = a_nic(namespace), a_nic(namespace)
    guest = a_guest(nics=(first,))
    machine.apply(guest)
    assert (in_use(namespace, first), in_use(namespace, second)) == (True, False)
    guest = msgspec.structs.replace(guest, nics=(first, second))
    assert machine.apply(guest)["nics"] == [first.port_id, second.port_id]
    assert in_use(namespace, second)
    machine.kill_agent()
    assert in_use(namespace, first)
    machine.remove(guest)
    assert (in_use(namespace, first), in_use(namespace, second)) == (False, False)
