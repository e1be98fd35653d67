# SPDX-License-Identifier: Apache-2.0
"""What hosts say of ports and routers."""

from cumulet.kernel import events
from cumulet.kernel.bus import Generation, Report
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import DocumentRow
from cumulet.kernel.service import own_context
from cumulet.services.neutron.ports.changes import LEGS
from cumulet.services.neutron.ports.model import Port


def port_reported(tx: Tx, host: str, report: Report) -> None:
    """A port is ACTIVE while its host has it plugged and its user wants it up."""
    port = tx.get(Port, report.id)
    if port is not None and port.host == host and report.state is not None and _is_newest(tx, host, report):
        _set_status(tx, [port], plugged=report.error is None and bool(report.state.get("up", True)))


def router_reported(tx: Tx, host: str, report: Report) -> None:
    """The legs of a router are ACTIVE once its host runs it."""
    if report.state is not None and _is_newest(tx, host, report):
        legs = tx.all(Port, Port.c.device_id == report.id, Port.c.device_owner.in_(LEGS), Port.c.host == host)
        _set_status(tx, legs, plugged=report.error is None)


def _is_newest(tx: Tx, host: str, report: Report) -> bool:
    """Whether the report speaks of what the host was told last, and not of something before."""
    row = tx.get(DocumentRow, f"{host}/{report.kind}/{report.id}")
    return row is not None and report.generation >= Generation(row.epoch, row.n)


def _set_status(tx: Tx, ports: list[Port], *, plugged: bool) -> None:
    ctx = own_context(tx.app, "neutron")
    for port in ports:
        status = "ACTIVE" if plugged and port.admin_state_up else "DOWN"
        if port.status != status:
            port = tx.update(port, status=status)
            events.emit(tx, ctx, "port.update", port)
