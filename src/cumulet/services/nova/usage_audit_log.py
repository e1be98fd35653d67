# SPDX-License-Identifier: Apache-2.0
"""os-instance_usage_audit_log: on which hosts the usage of a month was audited.

An audit is upstream's way to have each host send an event for each of its servers once a period; it is off
unless an operator switches it on. Here what servers used is told by os-simple-tenant-usage from the rows
themselves, so no host ever runs one, and that is what the log says.
"""

from datetime import datetime
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import keys
from cumulet.lib import timestamps
from cumulet.services.nova.compute.model import computes

_RULE = "os_compute_api:os-instance-usage-audit-log"
_COUNTS = ("num_hosts", "num_hosts_done", "num_hosts_running", "num_hosts_not_run")
LOG = keys(
    {**dict.fromkeys(_COUNTS, int), "total_instances": int, "total_errors": int},
    period_beginning=str,
    period_ending=str,
    hosts_not_run=list[str],
    overall_status=str,
    log=dict,
)


@route(
    "GET",
    "/os-instance_usage_audit_log",
    policy=f"{_RULE}:list",
    answer=keys(instance_usage_audit_logs=LOG),
)
def list_audit_logs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The log of the last month that is over."""
    ctx.require(f"{_RULE}:list")
    return {"instance_usage_audit_logs": _log(tx, timestamps.to_datetime(tx.now))}


@route(
    "GET",
    "/os-instance_usage_audit_log/{before_timestamp}",
    policy=f"{_RULE}:show",
    answer=keys(instance_usage_audit_log=LOG),
)
def show_audit_log(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The log of the last month that was over at a time."""
    ctx.require(f"{_RULE}:show")
    return {"instance_usage_audit_log": _log(tx, _moment(request.params["before_timestamp"]))}


def _moment(text: str) -> datetime:
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    try:
        return datetime.strptime(text, form)
    except ValueError:
        raise BadRequest(f"Invalid timestamp for date {text}") from None


def month_over(before: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of the last month that was over before this time."""
    end = datetime(before.year, before.month, 1)
    if end >= before.replace(tzinfo=None):
        end = _month_earlier(end)
    return _month_earlier(end), end


def _month_earlier(first: datetime) -> datetime:
    if first.year == first.month == 1:
        return first
    return datetime(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)


def _log(tx: Tx, before: datetime) -> dict[str, Any]:
    beginning, end = month_over(before)
    hosts = list(computes(tx))
    done = f"0 of {len(hosts)}" if hosts else "ALL"
    return {
        "period_beginning": str(beginning),
        "period_ending": str(end),
        "num_hosts": len(hosts),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": len(hosts),
        "hosts_not_run": hosts,
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": f"{done} hosts done. 0 errors.",
        "log": {},
    }


ROUTES = (list_audit_logs, show_audit_log)
