# SPDX-License-Identifier: Apache-2.0
"""Lists of servers: whose, which, and in what order."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from cumulet.contracts.neutron import Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, Invalid, NotPermitted
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Query, Reply, Request, as_flag, strict_flag
from cumulet.kernel.resource.listing import Listing, find
from cumulet.kernel.resource.shapes import page
from cumulet.kernel.resource.views import render
from cumulet.lib import timestamps
from cumulet.services.nova.servers import states
from cumulet.services.nova.servers.model import Server, ServerTag

_C = Server.c
_RULE = "os_compute_api:servers"

SORTABLE = {
    "access_ip_v4": "access_ipv4",
    "access_ip_v6": "access_ipv6",
    "auto_disk_config": "disk_config",
    "availability_zone": "host_zone",
    "config_drive": "config_drive",
    "created_at": "created_at",
    "display_description": "description",
    "display_name": "name",
    "host": "host",
    "hostname": "hostname",
    "image_ref": "image_id",
    "instance_type_id": "flavor_id",
    "key_name": "key_name",
    "launch_index": "launch_index",
    "launched_at": "launched_at",
    "locked_by": "locked_by",
    "node": "host",
    "power_state": "power_state",
    "project_id": "project_id",
    "root_device_name": "root_device_name",
    "task_state": "task_state",
    "terminated_at": "terminated_at",
    "updated_at": "updated_at",
    "user_id": "user_id",
    "uuid": "id",
    "vm_state": "vm_state",
    "locked": "locked_by",
}
OLD_SORT_KEYS = {"id": "id", "memory_mb": "memory_mb", "vcpus": "vcpus", "reservation_id": "reservation_id"}
"""Sorted by until 2.74."""
ADMIN_SORT_KEYS = ("host", "node")

OPENED = "2.83"
"""From which filters are for all that were administrators' alone before."""
FOR_ALL = {
    "reservation_id": "",
    "name": "",
    "status": "",
    "image": "",
    "flavor": "",
    "ip": "",
    "changes-since": "",
    "all_tenants": "",
    "tenant_id": "",
    "project_id": "",
    "ip6": "2.5",
    "tags": "2.26",
    "tags-any": "2.26",
    "not-tags": "2.26",
    "not-tags-any": "2.26",
    "changes-before": "2.66",
    "locked": "2.73",
    "availability_zone": OPENED,
    "config_drive": OPENED,
    "key_name": OPENED,
    "created_at": OPENED,
    "launched_at": OPENED,
    "terminated_at": OPENED,
    "power_state": OPENED,
    "task_state": OPENED,
    "vm_state": OPENED,
    "progress": OPENED,
    "user_id": OPENED,
    "hostname": "2.90",
}
"""Filters that anyone may use, with the microversion from which; others' are dropped without a word."""
PAGE = frozenset({"limit", "marker", "sort_key", "sort_dir"})
KNOWN = frozenset(
    {
        *FOR_ALL,
        *PAGE,
        "deleted",
        "soft_deleted",
        "host",
        "node",
        "uuid",
        "image_ref",
        "launch_index",
        "description",
    }
    | {"display_name", "display_description", "locked_by", "root_device_name", "access_ip_v4", "access_ip_v6"}
    | {"auto_disk_config", "kernel_id", "ramdisk_id", "block_device_mapping", "services", "metadata"}
    | {"system_metadata", "info_cache", "security_groups", "pci_devices"}
)

Filter = Callable[[str], Any]


_QUERY = (*FOR_ALL, *sorted(PAGE))


@route("GET", "/servers", policy=f"{_RULE}:index", query=_QUERY, answer=page(Server, brief=True))
def list_servers(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Names and links of servers."""
    return _list(tx, ctx, request, "index")


@route("GET", "/servers/detail", policy=f"{_RULE}:detail", query=_QUERY, answer=page(Server))
def list_servers_detail(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Servers with all that is known of them."""
    return _list(tx, ctx, request, "detail")


def _list(tx: Tx, ctx: Context, request: Request, how: str) -> Reply:
    ctx.require(f"{_RULE}:{how}")
    query = request.query
    where = [*_whose(ctx, query, how), *conditions(tx, ctx, query)]
    sortable = SORTABLE if ctx.at("2.75") else SORTABLE | OLD_SORT_KEYS
    _check_sort(ctx, query, sortable)
    listing = Listing(
        resource=Server,
        filters=dict.fromkeys(query.names(), lambda ctx, values: None),
        where=where,
        markers=[] if ctx.is_admin else [_C.project_id == ctx.project_id],
        sortable=sortable,
        order=(("created_at", "desc"), ("id", "desc")),
    )
    found = find(tx, ctx, listing, request)
    bodies = render(tx, ctx, Server, found.rows, brief=how == "index")
    for body in bodies:
        body.pop("server_groups", None)
    return Reply(200, {"servers": bodies, **ctx.service.api.wire.page_links(ctx, Server, found.page)})


def _check_sort(ctx: Context, query: Query, sortable: Mapping[str, str]) -> None:
    for key in query.all("sort_key"):
        if key not in sortable:
            raise Invalid(
                f"Invalid input for query parameters sort_key. Value: {key}. "
                f"'{key}' is not one of {sorted(sortable)}"
            )
        if key in ADMIN_SORT_KEYS and not ctx.is_admin:
            raise Forbidden(f"Only administrators can sort servers by {key}")


def _whose(ctx: Context, query: Query, how: str) -> list[Any]:
    """Own servers, or an administrator's choice of project with `all_tenants`."""
    everyone = False
    if (asked := query.get("all_tenants")) is not None:
        everyone = asked == "" or _flag("all_tenants", asked)
    if not everyone:
        return [_C.project_id == ctx.project_id]
    rule = f"{_RULE}:{how}:get_all_tenants"
    if not ctx.can(rule):
        raise NotPermitted(rule=rule)
    projects = query.all("tenant_id") + query.all("project_id")
    return [_C.project_id.in_(projects)] if projects else []


def _flag(name: str, value: str) -> bool:
    try:
        return strict_flag(value, name)
    except BadRequest:
        raise BadRequest(
            f"Invalid value '{value}' for '{name}'. Acceptable values are: '0', '1', 'f', 'false', 'n', "
            "'no', 'off', 'on', 't', 'true', 'y', 'yes'"
        ) from None


# -- filters ------------------------------------------------------------------------------------------


def conditions(tx: Tx, ctx: Context, query: Query) -> list[Any]:
    """What the query's filters mean. Raises BadRequest for values that mean nothing."""
    asked = _asked(ctx, query)
    where = [*_times(ctx, query), *_alive(ctx, asked)]
    for name, value in asked.items():
        if name in _PLAIN:
            where.append(_PLAIN[name](value))
        elif name in _BY_TAGS:
            where.append(_BY_TAGS[name](value))
    if "status" in asked:
        where.append(_status(ctx, query.all("status")))
    if "ip" in asked or "ip6" in asked:
        where.append(_addresses(tx, ctx, asked, where))
    return where


def _asked(ctx: Context, query: Query) -> dict[str, str]:
    """The filters that count for this caller in this version."""
    asked: dict[str, str] = {}
    for name in query.names():
        if name.startswith("_"):
            raise BadRequest(f"Invalid filter field: {name}.")
        if name not in KNOWN and ctx.at("2.75"):
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)")
        if name in PAGE:
            continue
        since = FOR_ALL.get(name)
        mine = since is not None and (not since or ctx.at(since))
        if mine or (since in (None, OPENED) and ctx.can(f"{_RULE}:allow_all_filters")):
            asked[name] = str(query.get(name))
    return asked


def _alive(ctx: Context, asked: Mapping[str, str]) -> list[Any]:
    """Deleted servers are listed when they are asked for, or with changes since a time; so are those that can
    be restored.
    """
    restorable = _C.vm_state == states.SOFT_DELETED
    with_these = as_flag(asked["soft_deleted"]) if "soft_deleted" in asked else None
    if "deleted" in asked and _flag("deleted", asked["deleted"]):
        gone = _C.deleted.is_(True)
        return [gone if with_these is False else sa.or_(gone, restorable)]
    if asked.get("status", "").upper() == "DELETED":
        if not ctx.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        return [_C.deleted.is_(True)]
    if "changes-since" in asked or "changes-before" in asked:
        return []
    return [_C.deleted.is_(False), *([] if with_these else [sa.not_(restorable)])]


def _times(ctx: Context, query: Query) -> list[Any]:
    since, before = query.get("changes-since"), query.get("changes-before") if ctx.at("2.66") else None
    where = []
    first = _moment("changes-since", since) if since is not None else None
    last = _moment("changes-before", before) if before is not None else None
    if first is not None:
        where.append(_C.updated_at >= first)
    if last is not None:
        where.append(_C.updated_at < timestamps.add(last, 1))  # a server says the second, and means all of it
    if first is not None and last is not None and first > last:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    return where


def _moment(name: str, value: str) -> timestamps.Timestamp:
    try:
        return timestamps.parse(value)
    except ValueError:
        raise Invalid(
            f"Invalid input for query parameters {name}. Value: {value}. '{value}' is not a 'date-time'"
        ) from None


def _status(ctx: Context, wanted: list[str]) -> Any:
    """Servers that show one of these statuses."""
    choices = []
    for status in wanted:
        if status.upper() == "DELETED":
            choices.append(_C.deleted.is_(True))
            continue
        pairs = states.states_of(status)
        if pairs is None:
            if ctx.at("2.38"):
                raise BadRequest("Invalid status value")
            continue
        choices += [_in_state(vm_state, task) for vm_state, task in pairs]
    return sa.or_(*choices) if choices else sa.false()


def _in_state(vm_state: str, task: str | None) -> Any:
    if task is not None:
        return sa.and_(_C.vm_state == vm_state, _C.task_state == task)
    others = states.tasks_with_own_status(vm_state)
    if not others:
        return _C.vm_state == vm_state
    own = sa.or_(_C.task_state.is_(None), _C.task_state.not_in(others))
    return sa.and_(_C.vm_state == vm_state, own)


def regular(name: str, value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error:
        raise Invalid(
            f"Invalid input for query parameters {name}. Value: {value}. '{value}' is not a 'regex'"
        ) from None


def _like(column: Any, name: str) -> Filter:
    """A filter by a regular expression, found anywhere in the text."""

    def condition(value: str) -> Any:
        regular(name, value)
        return column.regexp_match(value)

    return condition


def _equal(column: Any) -> Filter:
    return lambda value: column == value


def _number(column: Any, name: str) -> Filter:
    def condition(value: str) -> Any:
        if not re.fullmatch(r"-?\d+", value):
            raise Invalid(f"Invalid input for query parameters {name}. Value: {value}. It is not an integer.")
        return column == int(value)

    return condition


def _with_null(column: Any) -> Filter:
    return lambda value: column.is_(None) if value.lower() in ("none", "null", "") else column == value


_PLAIN: dict[str, Filter] = {
    "name": _like(_C.name, "name"),
    "display_name": _like(_C.name, "display_name"),
    "description": _like(_C.description, "description"),
    "display_description": _like(_C.description, "display_description"),
    "hostname": _like(_C.hostname, "hostname"),
    "image": _equal(_C.image_id),
    "image_ref": _equal(_C.image_id),
    "flavor": _equal(_C.flavor_id),
    "host": _equal(_C.host),
    "node": _equal(_C.host),
    "uuid": _equal(_C.id),
    "user_id": _equal(_C.user_id),
    "reservation_id": _equal(_C.reservation_id),
    "key_name": _equal(_C.key_name),
    "availability_zone": lambda value: sa.func.coalesce(_C.host_zone, _C.wanted_zone, "") == value,
    "vm_state": _equal(_C.vm_state),
    "task_state": _with_null(_C.task_state),
    "power_state": _number(_C.power_state, "power_state"),
    "launch_index": _number(_C.launch_index, "launch_index"),
    "access_ip_v4": _equal(_C.access_ipv4),
    "access_ip_v6": _equal(_C.access_ipv6),
    "root_device_name": _equal(_C.root_device_name),
    "created_at": lambda value: _C.created_at == _moment("created_at", value),
    "launched_at": lambda value: _C.launched_at == _moment("launched_at", value),
    "terminated_at": lambda value: _C.terminated_at == _moment("terminated_at", value),
    "config_drive": lambda value: _C.config_drive.is_(as_flag(value, bare=False)),
    "locked": lambda value: _C.locked_by.is_not(None) if _flag("locked", value) else _C.locked_by.is_(None),
    "locked_by": _equal(_C.locked_by),
}


def _tagged(tag: str) -> Any:
    return _C.id.in_(sa.select(ServerTag.c.server_id).where(ServerTag.c.tag == tag))


def _all_of(value: str) -> Any:
    return sa.and_(*(_tagged(tag) for tag in value.split(",")))


def _any_of(value: str) -> Any:
    return _C.id.in_(sa.select(ServerTag.c.server_id).where(ServerTag.c.tag.in_(value.split(","))))


_BY_TAGS: dict[str, Filter] = {
    "tags": _all_of,
    "tags-any": _any_of,
    "not-tags": lambda value: sa.not_(_all_of(value)),
    "not-tags-any": lambda value: sa.not_(_any_of(value)),
}


def _addresses(tx: Tx, ctx: Context, asked: Mapping[str, str], where: list[Any]) -> Any:
    """Servers with an address in which the expression is found; addresses are Neutron's, so it is asked."""
    rows = tx.execute(sa.select(_C.id).where(*where)).scalars().all()
    nics = tx.app.contract(Ports).nics(tx, rows)
    four = regular("ip", asked["ip"]) if "ip" in asked else None
    six = regular("ip6", asked["ip6"]) if "ip6" in asked else None
    found = [id for id, mine in nics.items() if _has(mine, four, False) and _has(mine, six, True)]
    return _C.id.in_(found)


def _has(nics: Any, wanted: re.Pattern[str] | None, six: bool) -> bool:
    if wanted is None:
        return True
    addresses = (fixed["ip_address"] for nic in nics for fixed in nic.fixed_ips)
    return any(wanted.search(address) for address in addresses if (":" in address) == six)


ROUTES = (list_servers, list_servers_detail)
