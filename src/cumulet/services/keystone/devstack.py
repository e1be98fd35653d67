# SPDX-License-Identifier: Apache-2.0
"""The projects, users, roles and limits that CI built on DevStack takes for granted.

On top of what bootstrap made.
"""

from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.services.keystone.bootstrap import DEFAULT_DOMAIN, give, make_project, make_role, make_user
from cumulet.services.keystone.catalog.model import CatalogService
from cumulet.services.keystone.limits.model import RegisteredLimit
from cumulet.services.keystone.people import User
from cumulet.services.keystone.roles.model import SYSTEM
from cumulet.services.keystone.tokens.revocation import rights_changed

if TYPE_CHECKING:
    from cumulet.kernel.app import App


def devstack(tx: Tx, app: "App") -> None:
    """Projects demo, alt_demo and invisible_to_admin; users demo, alt_demo and one for each kind of role.

    All users have the administrator's password. What exists already stays as it is. What projects may have
    of images is limited as long as no limit is registered.
    """
    admin = tx.first(User, User.c.domain_id == DEFAULT_DOMAIN, User.c.name == "admin")
    password = admin.password_hash if admin is not None else None
    roles = {name: make_role(tx, name) for name in _ROLES}
    projects = {name: make_project(tx, name, "") for name in _PROJECTS}
    users = {"admin": admin.id} if admin is not None else {}
    for user, role, project in _GRANTS:
        if user not in users:
            users[user] = make_user(tx, user, password)
        target = (SYSTEM, SYSTEM) if project == SYSTEM else ("project", projects[project])
        give(tx, users[user], roles[role], target)
    _limit_images(tx, app.settings.region)
    rights_changed(tx)


def _limit_images(tx: Tx, region: str) -> None:
    service = tx.first(CatalogService, CatalogService.c.type == "image")
    if service is None or tx.exists(RegisteredLimit, RegisteredLimit.c.service_id == service.id):
        return
    rows = [
        RegisteredLimit(service_id=service.id, region_id=region, resource_name=name, default_limit=amount)
        for name, amount in _IMAGE_LIMITS.items()
    ]
    tx.insert_many(rows)


_IMAGE_LIMITS = {
    "image_size_total": 2000,
    "image_stage_total": 2000,
    "image_count_total": 100,
    "image_count_uploading": 100,
}


_ROLES = ("admin", "manager", "member", "reader", "service", "ResellerAdmin", "anotherrole")
_PROJECTS = ("admin", "demo", "alt_demo", "invisible_to_admin", "service")
_GRANTS = (
    ("admin", "admin", "demo"),
    ("admin", "admin", "alt_demo"),
    ("demo", "member", "demo"),
    ("demo", "anotherrole", "demo"),
    ("demo", "member", "invisible_to_admin"),
    ("demo_reader", "reader", "demo"),
    ("alt_demo", "member", "alt_demo"),
    ("alt_demo", "anotherrole", "alt_demo"),
    ("alt_demo_member", "member", "alt_demo"),
    ("alt_demo_reader", "reader", "alt_demo"),
    ("system_member", "member", SYSTEM),
    ("system_reader", "reader", SYSTEM),
)
