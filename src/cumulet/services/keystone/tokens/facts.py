# SPDX-License-Identifier: Apache-2.0
"""What a token rests on: its user, its scope, the roles that hold there, and how all of this looks as JSON.

Many tokens rest on the same facts; what differs between them is a few short texts. So the facts are made once
and kept until something of them changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.keystone.application_credentials.model import AccessRule, ApplicationCredential, rule
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint
from cumulet.services.keystone.catalog.urls import filled, substitutions
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.roles.model import Role

_encode = msgspec.json.encode


@dataclass(frozen=True)
class Catalog:
    """The services that are enabled, each with its endpoints that are."""

    services: Sequence[tuple[CatalogService, Sequence[Endpoint]]]

    def body(self, user_id: str, project_id: str | None) -> list[dict[str, Any]]:
        """The catalog for one user and project; endpoints that need what is missing are left out."""
        values = substitutions(user_id, project_id)
        return [
            {
                "endpoints": _endpoints(endpoints, values),
                "id": service.id,
                "type": service.type,
                "name": service.name,
            }
            for service, endpoints in self.services
        ]


def _endpoints(endpoints: Sequence[Endpoint], values: Mapping[str, str | None]) -> list[dict[str, Any]]:
    found = []
    for endpoint in endpoints:
        url = filled(endpoint.url, values)
        if url is not None:
            found.append(
                {
                    "id": endpoint.id,
                    "interface": endpoint.interface,
                    "region_id": endpoint.region_id,
                    "url": url,
                    "region": endpoint.region_id,
                }
            )
    return found


def read_catalog(tx: Tx) -> Catalog:
    """The catalog as it is now."""
    by_service: dict[str, list[Endpoint]] = {}
    for endpoint in tx.all(Endpoint, Endpoint.c.enabled.is_(True), order_by=[Endpoint.c.id]):
        by_service.setdefault(endpoint.service_id, []).append(endpoint)
    services = tx.all(CatalogService, CatalogService.c.enabled.is_(True), order_by=[CatalogService.c.id])
    return Catalog([(service, by_service.get(service.id, [])) for service in services])


@dataclass(frozen=True)
class Facts:
    """`identity` lacks only what differs between tokens.

    `body` is the part of a token's JSON that does not.
    """

    identity: Identity
    user_generation: int
    scope_generation: int
    body: bytes
    catalog: Catalog
    expires_at: int | None = None
    """The second at which the application credential ends."""

    @cached_property
    def catalog_body(self) -> bytes:
        """The catalog as JSON."""
        return _encode(self.catalog.body(self.identity.user_id, self.identity.project_id))

    @property
    def scoped(self) -> bool:
        who = self.identity
        return bool(who.project_id or who.domain_id or who.system_scope)


@dataclass(frozen=True)
class _Found:
    """The rows that facts are made of."""

    user: User
    scope: Scope
    place: Project | None
    """The project or domain of the scope."""
    domains: Mapping[str, Project]
    credential: ApplicationCredential | None


def build(tx: Tx, user_id: str, scope: Scope, credential_id: str, catalog: Catalog) -> Facts | None:
    """The facts, None when they do not hold: something is missing or disabled, or there is no role."""
    found = _find(tx, user_id, scope, credential_id)
    if found is None:
        return None
    roles = _roles(tx, found)
    if scope.kind and not roles:
        return None
    rules = _access_rules(tx, found.credential)
    ends = found.credential.expires_at if found.credential is not None else None
    return Facts(
        identity=_identity(found, roles, rules),
        user_generation=found.user.generation,
        scope_generation=found.place.generation if found.place is not None else 0,
        body=_encode(_body(found, roles, rules))[1:-1],
        catalog=catalog,
        expires_at=int(timestamps.to_epoch(ends)) if ends else None,
    )


def _find(tx: Tx, user_id: str, scope: Scope, credential_id: str) -> _Found | None:
    user = tx.get(User, user_id)
    if user is None or not user.enabled:
        return None
    place = tx.get(Project, scope.id) if scope.kind in ("project", "domain") else None
    if scope.kind in ("project", "domain") and not _is_open(place, scope.kind):
        return None
    wanted = {user.domain_id, *((place.domain_id,) if place is not None and place.domain_id else ())}
    domains = tx.get_many(Project, wanted)
    if len(domains) < len(wanted) or not all(domain.enabled for domain in domains.values()):
        return None
    credential = tx.get(ApplicationCredential, credential_id) if credential_id else None
    if credential_id and (credential is None or credential.user_id != user_id):
        return None
    return _Found(user, scope, place, domains, credential)


def _is_open(place: Project | None, kind: str) -> bool:
    return place is not None and place.enabled and place.is_domain == (kind == "domain")


def _roles(tx: Tx, found: _Found) -> list[Role]:
    """The roles of the scope.

    Of an application credential those that it has, if its user still has them all.
    """
    held = effective.roles(tx, found.user.id, found.scope, found.place)
    if found.credential is None:
        return held
    if not set(found.credential.role_ids) <= {role.id for role in held}:
        return []
    return effective.global_roles(tx, found.credential.role_ids)


def _access_rules(tx: Tx, credential: ApplicationCredential | None) -> tuple[dict[str, str], ...] | None:
    if credential is None or credential.access_rule_ids is None:
        return None
    known = tx.get_many(AccessRule, credential.access_rule_ids)
    return tuple(rule(known[id]) for id in credential.access_rule_ids if id in known)


def _identity(found: _Found, roles: list[Role], rules: tuple[dict[str, str], ...] | None) -> Identity:
    user, scope, place = found.user, found.scope, found.place
    project = place if scope.kind == "project" else None
    domain = place if scope.kind == "domain" else None
    return Identity(
        user_id=user.id,
        user_name=user.name,
        user_domain_id=user.domain_id,
        user_domain_name=found.domains[user.domain_id].name,
        project_id=project.id if project else None,
        project_name=project.name if project else None,
        project_domain_id=project.domain_id if project else None,
        project_domain_name=found.domains[project.domain_id].name if project else None,
        domain_id=domain.id if domain else None,
        domain_name=domain.name if domain else None,
        system_scope="all" if scope.kind == "system" else None,
        roles=tuple(role.name for role in roles),
        role_ids=tuple(role.id for role in roles),
        application_credential_id=found.credential.id if found.credential else None,
        access_rules=rules,
    )


def _body(found: _Found, roles: list[Role], rules: tuple[dict[str, str], ...] | None) -> dict[str, Any]:
    user, scope, place = found.user, found.scope, found.place
    expires = user.password_expires_at
    body: dict[str, Any] = {
        "user": {
            "domain": _named(found.domains[user.domain_id]),
            "id": user.id,
            "name": user.name,
            "password_expires_at": timestamps.zulu_with_microseconds(expires) if expires else None,
        }
    }
    if scope.kind == "project" and place is not None:
        body["project"] = {"domain": _named(found.domains[place.domain_id]), **_named(place)}
        body["is_domain"] = False
    elif scope.kind == "domain" and place is not None:
        body["domain"] = _named(place)
    elif scope.kind == "system":
        body["system"] = {"all": True}
    if scope.kind:
        body["roles"] = [{"id": role.id, "name": role.name} for role in roles]
    if found.credential is not None:
        body["application_credential"] = {
            "id": found.credential.id,
            "name": found.credential.name,
            "restricted": not found.credential.unrestricted,
            **({"access_rules": list(rules)} if rules else {}),
        }
    return body


def _named(row: Project) -> dict[str, str]:
    return {"id": row.id, "name": row.name}
