# SPDX-License-Identifier: Apache-2.0
"""The first things of a new cloud: without them nobody could make the others."""

from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint, Region
from cumulet.services.keystone.limits.takeover import take_over
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import SYSTEM, Assignment, Implication, Role, assignment
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.model import TOKENS, Epoch
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.users import passwords

if TYPE_CHECKING:
    from cumulet.kernel.app import App

DEFAULT_DOMAIN = "default"
_ROLES = ("admin", "manager", "member", "reader", "service")
_IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
_INTERFACES = ("public", "internal", "admin")


async def prepare(app: "App") -> None:
    """Read or make the keys, and hash the first administrator's password; without one nobody can log in."""
    authority = app.contract(Authority)
    authority.open(app)
    if await app.db.read(_is_new):
        password = app.settings.admin_password
        authority.admin_hash = await authority.passwords.hash(password) if password else None


def first_start(tx: Tx, app: "App") -> None:
    """A new database has its first domain, people and roles.

    In any, the catalog says where this cloud answers.
    """
    tx.lock("keystone.bootstrap")
    if _is_new(tx):
        tx.insert(Epoch(id=TOKENS))
        _domain_and_people(tx, app)
    if _publish(tx, app):
        rights_changed(tx)
    if app.settings.unified_limits:
        take_over(tx, app)


def _is_new(tx: Tx) -> bool:
    return tx.get(Epoch, TOKENS) is None


def _domain_and_people(tx: Tx, app: "App") -> None:
    tx.insert(Project(id=DEFAULT_DOMAIN, name="Default", description="The default domain", is_domain=True))
    roles = {name: make_role(tx, name, immutable=True) for name in _ROLES}
    for prior, implied in _IMPLIED:
        id = f"{roles[prior]}/{roles[implied]}"
        tx.insert(Implication(id=id, prior_role_id=roles[prior], implied_role_id=roles[implied]))
    project = make_project(tx, "admin", "Bootstrap project for initializing the cloud.")
    make_project(tx, "service", "Where services act on their own.")
    admin = make_user(tx, "admin", app.contract(Authority).admin_hash)
    give(tx, admin, roles["admin"], ("project", project))
    give(tx, admin, roles["admin"], (SYSTEM, SYSTEM))


def make_role(tx: Tx, name: str, *, immutable: bool = False) -> str:
    """The id of the global role of this name, made if need be."""
    found = tx.first(Role, Role.c.domain_id == "", Role.c.name == name)
    if found is not None:
        return found.id
    return tx.insert(Role(name=name, options={"immutable": True} if immutable else {})).id


def make_project(tx: Tx, name: str, description: str) -> str:
    """The id of the project of this name in the default domain, made if need be."""
    found = tx.first(Project, Project.c.domain_id == DEFAULT_DOMAIN, Project.c.name == name)
    if found is not None:
        return found.id
    project = Project(name=name, domain_id=DEFAULT_DOMAIN, parent_id=DEFAULT_DOMAIN, description=description)
    return tx.insert(project).id


def make_user(tx: Tx, name: str, password_hash: str | None) -> str:
    """The id of the user of this name in the default domain, made if need be.

    The password is the operator's own: nobody has to change it before its first use.
    """
    found = tx.first(User, User.c.domain_id == DEFAULT_DOMAIN, User.c.name == name)
    if found is not None:
        return found.id
    options = {"ignore_change_password_upon_first_use": True}
    password = passwords.columns(tx, password_hash, options, self_service=False)
    return tx.insert(User(name=name, domain_id=DEFAULT_DOMAIN, **password)).id


def give(tx: Tx, user_id: str, role_id: str, target: tuple[str, str]) -> None:
    """The user has the role there."""
    row = assignment(("user", user_id), target, role_id)
    if tx.get(Assignment, row.id) is None:
        tx.insert(row)


# -- the catalog ----------------------------------------------------------------------------------------


def _publish(tx: Tx, app: "App") -> bool:
    """Every service of this process is in the catalog at this cloud's address.

    Whether anything had to change.
    """
    region = app.settings.region
    changed = False
    if tx.get(Region, region) is None:
        tx.insert(Region(id=region))
        changed = True
    for running in app.services.values():
        for entry in running.manifest.catalog:
            service, made = _service(tx, entry.type, entry.name)
            url = f"{app.settings.public_url}{running.manifest.path}{entry.suffix}"
            if made:
                _add_endpoints(tx, service, region, url)
            changed = made or _move_endpoints(tx, service, region, url) or changed
    return changed


def _service(tx: Tx, type: str, name: str) -> tuple[CatalogService, bool]:
    c = CatalogService.c
    found = tx.first(CatalogService, c.type == type, c.bootstrapped.is_(True))
    if found is not None:
        return found, False
    return tx.insert(CatalogService(type=type, name=name, bootstrapped=True)), True


def _add_endpoints(tx: Tx, service: CatalogService, region: str, url: str) -> None:
    rows = [
        Endpoint(service_id=service.id, interface=interface, region_id=region, url=url, bootstrapped=True)
        for interface in _INTERFACES
    ]
    tx.insert_many(rows)


def _move_endpoints(tx: Tx, service: CatalogService, region: str, url: str) -> bool:
    """What bootstrap made and no operator has changed is at this address; whether something was not."""
    c = Endpoint.c
    mine = tx.all(Endpoint, c.service_id == service.id, c.bootstrapped.is_(True))
    moved = [row for row in mine if (row.url, row.region_id) != (url, region)]
    for row in moved:
        tx.update(row, url=url, region_id=region)
    return bool(moved)
