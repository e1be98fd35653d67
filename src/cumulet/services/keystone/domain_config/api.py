# SPDX-License-Identifier: Apache-2.0
"""The routes below /domains/{domain_id}/config, and the defaults."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route, routes, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.keystone.directories.shadows import driver_changed
from cumulet.services.keystone.domain_config import options
from cumulet.services.keystone.domain_config.model import as_config, forget_config, options_of, store
from cumulet.services.keystone.errors import expecting, not_found
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import rights_changed

_CONFIG = "/domains/{domain_id}/config"
_GROUP = f"{_CONFIG}/{{group}}"
_OPTION = f"{_GROUP}/{{option}}"
_DEFAULTS = ("/domains/config/default", "/domains/config/{group}/default")
_DEFAULT_OPTION = "/domains/config/{group}/{option}/default"
_BODY = told({"type": "object", "properties": {"config": {"type": "object"}}, "required": ["config"]})

CONFIG = keys(config=dict)
"""Options by group, or the value of one option by its name."""


def _named(request: Request) -> tuple[str, str, str]:
    """Domain, group and option of the path; empty for what it does not name."""
    params = request.params
    return params["domain_id"], params.get("group", ""), params.get("option", "")


def _need_domain(tx: Tx, domain_id: str) -> None:
    domain = tx.get(Project, domain_id)
    if domain is None or not domain.is_domain:
        raise not_found("domain", domain_id)


def _given(request: Request) -> Any:
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("config", {}), dict | None):
        raise expecting("config", "the request body, as an object")
    return body.get("config") or {}


def _shown(tx: Tx, domain_id: str, group: str = "", option: str = "") -> Any:
    """What of the configuration may be shown. Raises NotFound when that is nothing."""
    rows = [row for row in options_of(tx, domain_id, group, option) if not row.sensitive]
    if not rows:
        raise options.missing(domain_id, group, option)
    config = as_config(tx, rows)
    return config[group] if option else config


@routes("GET", _CONFIG, _GROUP, _OPTION, answer=CONFIG)
def show_config(tx: Tx, ctx: Context, request: Request) -> Any:
    """A domain's configuration, a group or an option of it; nothing that is sensitive."""
    domain_id, group, option = _named(request)
    if group == "security_compliance":
        ctx.require("identity:get_security_compliance_domain_config", {})
        settings = ctx.app.contract(Authority).settings
        return {"config": options.security_compliance(settings, domain_id, option)}
    ctx.require("identity:get_domain_config", {})
    options.check_known(group, option)
    return {"config": _shown(tx, domain_id, group, option)}


@route("PUT", _CONFIG, policy="identity:create_domain_config", schema=_BODY, also=(201,), answer=CONFIG)
def create_config(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The domain has this configuration, and nothing of an earlier one."""
    ctx.require("identity:create_domain_config", {})
    domain_id = request.params["domain_id"]
    _need_domain(tx, domain_id)
    config = _given(request)
    options.check_config(config)
    before = bool(options_of(tx, domain_id))
    forget_config(tx, domain_id)
    for group, option, value in options.each(config):
        store(tx, domain_id, group, option, value)
    driver_changed(tx, domain_id)
    rights_changed(tx)
    shown = as_config(tx, (row for row in options_of(tx, domain_id) if not row.sensitive))
    return Reply(200 if before else 201, {"config": shown})


@routes(
    "PATCH",
    _CONFIG,
    _GROUP,
    _OPTION,
    policy="identity:update_domain_config",
    schema=_BODY,
    answer=CONFIG,
)
def update_config(tx: Tx, ctx: Context, request: Request) -> Any:
    """The domain has these options too; the whole configuration is shown."""
    ctx.require("identity:update_domain_config", {})
    domain_id, group, option = _named(request)
    _need_domain(tx, domain_id)
    config = _given(request)
    if group and option:
        config = {group: config}
    options.check_config(config)
    options.check_known(group, option)
    options.check_only(config, group, option)
    if group and not options_of(tx, domain_id, group, option):
        raise options.missing(domain_id, group, option)
    for name, key, value in options.each(config):
        store(tx, domain_id, name, key, value)
    driver_changed(tx, domain_id)
    rights_changed(tx)
    return {"config": _shown(tx, domain_id)}


@routes("DELETE", _CONFIG, _GROUP, _OPTION, policy="identity:delete_domain_config", status=204)
def delete_config(tx: Tx, ctx: Context, request: Request) -> None:
    """The domain has these options no longer."""
    ctx.require("identity:delete_domain_config", {})
    domain_id, group, option = _named(request)
    _need_domain(tx, domain_id)
    options.check_known(group, option)
    if group and not options_of(tx, domain_id, group):
        raise options.missing(domain_id, group)
    if option and not options_of(tx, domain_id, group, option):
        raise options.missing(domain_id, group, option)
    forget_config(tx, domain_id, group, option)
    driver_changed(tx, domain_id)
    rights_changed(tx)


@routes("GET", *_DEFAULTS, _DEFAULT_OPTION, policy="identity:get_domain_config_default", answer=CONFIG)
def show_default(tx: Tx, ctx: Context, request: Request) -> Any:
    """What a domain has that says nothing else."""
    ctx.require("identity:get_domain_config_default", {})
    params = request.params
    return {"config": options.default(params.get("group", ""), params.get("option", ""))}


ROUTES = (show_config, create_config, update_config, delete_config, show_default)
