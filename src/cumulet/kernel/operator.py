# SPDX-License-Identifier: Apache-2.0
"""What the operator's commands ask of a running cloud: how it is, what happened, what is wrong or stuck.

It answers at /cumulet/v1, to admins, and stands in no catalog: users' commands know nothing of it.
"""

import os
import time
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.auth.policy import ANY_SCOPE, Rule
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.wire import WireProfile, error_in_envelope
from cumulet.kernel.saga import SagaRow
from cumulet.kernel.saga import worker as saga_worker
from cumulet.kernel.saga.store import LIVE, SagaStep
from cumulet.kernel.service import Api, Service

_STARTED = time.time()
_RULE = "operator"
_PAGE = os.sysconf("SC_PAGE_SIZE")


@route("GET", "/status")
def show_status(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Services, hosts, sagas that run or are stuck, and the memory of this process in MiB."""
    ctx.require(_RULE)
    live = tx.all(SagaRow, SagaRow.c.state.in_(LIVE))
    return {
        "services": sorted(name for name in ctx.app.services if name != "operator"),
        "hosts": [_host(row) for row in tx.all(HostRow, order_by=(HostRow.c.id,))],
        "sagas": {
            "running": sum(row.state != "stuck" for row in live),
            "stuck": sum(row.state == "stuck" for row in live),
        },
        "memory_mib": round(resident_bytes() / 2**20, 1),
        "uptime_s": round(time.time() - _STARTED, 1),
        "database": ctx.app.db.url.get_backend_name(),
    }


def _host(row: HostRow) -> dict[str, Any]:
    facts = row.facts
    return {
        "name": row.id,
        "state": row.state,
        "hypervisor": facts.get("hypervisor"),
        "accelerator": facts.get("accelerator"),
        "vcpus": facts.get("vcpus"),
        "memory_mb": facts.get("memory_mb"),
        "seen_at": row.seen_at,
    }


def resident_bytes() -> int:
    """The resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE


@route("GET", "/stories/{id}")
async def show_stories(ctx: Context, request: Request) -> dict[str, Any]:
    """The stories of a request, or of every request that touched a resource."""
    ctx.require(_RULE)
    stories = ctx.app.traces.stories(request.params["id"])
    if not stories:
        raise NotFound(f"Nothing is known of {request.params['id']}: reads that were fast are not kept.")
    shown = ("story", "kind", "name", "started", "ms", "status", "message")
    return {
        "stories": [[{name: getattr(span, name) for name in shown} for span in spans] for spans in stories]
    }


@route("GET", "/violations")
async def list_violations(ctx: Context, request: Request) -> dict[str, Any]:
    """A sentence for each invariant that does not hold, of every service and of the kernel."""
    ctx.require(_RULE)
    found = await ctx.read(violations)
    for running in ctx.app.services.values():
        for inspect in running.manifest.inspections():
            found += await inspect(ctx.app)
    return {"violations": found}


def violations(tx: Tx) -> list[str]:
    """What is wrong with the rows; empty when all is well."""
    found = [
        f"saga {row.id} ({row.name}) is stuck: {row.why}"
        for row in tx.all(SagaRow, SagaRow.c.state == "stuck")
    ]
    for running in tx.app.services.values():
        for check in running.manifest.invariants():
            found += check(tx)
    return found


@route("GET", "/sagas")
def list_sagas(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Sagas that run, wait, unwind or are stuck; the newest ended ones too with all=1."""
    ctx.require(_RULE)
    where = [] if request.query.flag("all") else [SagaRow.c.state.in_(LIVE)]
    rows = tx.all(SagaRow, *where, order_by=(SagaRow.c.created_at.desc(), SagaRow.c.id), limit=200)
    return {"sagas": [_saga(row) for row in rows]}


def _saga(row: SagaRow) -> dict[str, Any]:
    shown = (
        "id",
        "name",
        "state",
        "why",
        "pivoted",
        "tries",
        "arguments",
        "request_id",
        "created_at",
        "updated_at",
    )
    return {name: row.__dict__[name] for name in shown}


@route("GET", "/sagas/{id}")
def show_saga(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A saga and its steps so far."""
    ctx.require(_RULE)
    row = tx.need(SagaRow, request.params["id"], f"There is no saga {request.params['id']}.")
    steps = tx.all(SagaStep, SagaStep.c.saga_id == row.id, order_by=(SagaStep.c.n,))
    shown = ("n", "step", "arguments", "outcome", "error", "undone")
    return {"saga": {**_saga(row), "steps": [{name: s.__dict__[name] for name in shown} for s in steps]}}


@route("POST", "/sagas/{id}/retry", status=202)
def retry_saga(tx: Tx, ctx: Context, request: Request) -> None:
    """Have a stuck saga go on from the step it is stuck at."""
    ctx.require(_RULE)
    saga_worker.retry(tx, request.params["id"])


@route("POST", "/sagas/{id}/skip", status=202)
def skip_step(tx: Tx, ctx: Context, request: Request) -> None:
    """Have a stuck saga take the step it is stuck at for done."""
    ctx.require(_RULE)
    saga_worker.skip(tx, request.params["id"])


OPERATOR = Service(
    name="operator",
    path="/cumulet",
    port=9600,
    catalog=(),
    admin_rule=_RULE,
    api=lambda: Api(
        prefix="/v1",
        wire=WireProfile(error=error_in_envelope),
        policies={_RULE: Rule("role:admin", ANY_SCOPE)},
        routes=(
            show_status,
            show_stories,
            list_violations,
            list_sagas,
            show_saga,
            retry_saga,
            skip_step,
        ),
    ),
)
