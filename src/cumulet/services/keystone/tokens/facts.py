# SPDX-License-Identifier: Apache-2.0
"""What a token rests on: its user, its scope, the roles that hold there, and how all of this looks as JSON.

Many tokens rest on the same facts; what differs between them is a few short texts. So the facts are made once
and kept until something of them changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.keystone import compliance
from cumulet.services.keystone.application_credentials import delegation as application_credentials
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint
from cumulet.services.keystone.catalog.urls import filled, substitutions
from cumulet.services.keystone.endpoint_filter.model import shown_to
from cumulet.services.keystone.federation.identities import Assertion
from cumulet.services.keystone.federation.model import ServiceProvider
from cumulet.services.keystone.oauth1 import delegation as access_tokens
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.roles.model import Role
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.subject import Delegated, Subject
from cumulet.services.keystone.trusts import delegation as trusts

_encode = msgspec.json.encode


@dataclass(frozen=True)
class Catalog:
    """The services that are enabled, each with its endpoints that are.

    Beside them the clouds to which our people may go, as tokens show them.
    """

    services: Sequence[tuple[CatalogService, Sequence[Endpoint]]]
    service_providers: Sequence[Mapping[str, str]] = ()

    def for_project(self, tx: Tx, project_id: str | None) -> "Catalog":
        """What a project sees of it: the endpoints that it was given, if it was given any."""
        shown = shown_to(tx, project_id)
        if shown is None:
            return self
        some = [(service, [e for e in endpoints if e.id in shown]) for service, endpoints in self.services]
        return replace(self, services=[(service, endpoints) for service, endpoints in some if endpoints])

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
    elsewhere = tx.all(ServiceProvider, ServiceProvider.c.enabled.is_(True), order_by=[ServiceProvider.c.id])
    return Catalog(
        [(service, by_service.get(service.id, [])) for service in services],
        [{"auth_url": row.auth_url, "id": row.id, "sp_url": row.sp_url} for row in elsewhere],
    )


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
    """The second at which the delegation ends that they rest on."""

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

    bearer: User
    user: User
    """The bearer, or in whose name they act."""
    subject: Subject
    place: Project | None
    """The project or domain of the scope."""
    domains: Mapping[str, Project]
    delegated: Delegated | None
    assertion: Assertion | None

    @property
    def groups(self) -> Sequence[str]:
        return self.assertion.group_ids if self.assertion is not None else ()


def build(tx: Tx, subject: Subject, catalog: Catalog) -> Facts | None:
    """The facts, None when they do not hold: something is missing or disabled, or there is no role.

    Raises what a delegation says of why it may not be used.
    """
    found = _find(tx, subject)
    if found is None:
        return None
    given = found.delegated
    roles = (
        given.roles
        if given is not None
        else effective.roles(tx, found.user.id, subject.scope, found.place, found.groups)
    )
    if subject.scope.kind and not roles:
        return None
    ends = given.expires_at if given is not None else None
    project_id = subject.scope.id if subject.scope.kind == "project" else None
    return Facts(
        identity=_identity(found, roles),
        user_generation=found.bearer.generation + (given.generation if given is not None else 0),
        scope_generation=found.place.generation if found.place is not None else 0,
        body=_encode(_body(found, roles) | _elsewhere(catalog))[1:-1],
        catalog=catalog.for_project(tx, project_id),
        expires_at=int(timestamps.to_epoch(ends)) if ends else None,
    )


def _find(tx: Tx, subject: Subject) -> _Found | None:
    scope, delegation = subject.scope, subject.delegation
    user = tx.get(User, subject.user_id)
    if user is None or not compliance.is_enabled(tx.app.contract(KeystoneSettings), user, tx.now):
        return None
    place = tx.get(Project, scope.id) if scope.kind in ("project", "domain") else None
    if scope.kind in ("project", "domain") and not _is_open(place, scope.kind):
        return None
    wanted = {user.domain_id, *((place.domain_id,) if place is not None and place.domain_id else ())}
    domains = tx.get_many(Project, wanted)
    if len(domains) < len(wanted) or not all(domain.enabled for domain in domains.values()):
        return None
    delegated = _DELEGATED[delegation.kind](tx, delegation.id, subject, place) if delegation else None
    if delegation and delegated is None:
        return None
    assertion = tx.get(Assertion, subject.federation_id) if subject.federation_id else None
    if subject.federation_id and assertion is None:
        return None
    acting = (delegated.acts_as if delegated else None) or user
    domains |= tx.get_many(Project, {acting.domain_id})
    return _Found(user, acting, subject, place, domains, delegated, assertion)


_Delegate = Callable[[Tx, str, Subject, Project | None], Delegated | None]
_DELEGATED: Mapping[str, _Delegate] = {
    "application_credential": application_credentials.delegated,
    "trust": trusts.delegated,
    "access_token": access_tokens.delegated,
}


def _is_open(place: Project | None, kind: str) -> bool:
    return place is not None and place.enabled and place.is_domain == (kind == "domain")


def _identity(found: _Found, roles: list[Role]) -> Identity:
    user, kind, place = found.user, found.subject.scope.kind, found.place
    project = place if kind == "project" else None
    domain = place if kind == "domain" else None
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
        system_scope="all" if kind == "system" else None,
        roles=tuple(role.name for role in roles),
        role_ids=tuple(role.id for role in roles),
        **(found.delegated.identity if found.delegated else {}),
    )


def _body(found: _Found, roles: list[Role]) -> dict[str, Any]:
    user, kind, place = found.user, found.subject.scope.kind, found.place
    expires = user.password_expires_at
    body: dict[str, Any] = {
        "user": {
            "domain": _named(found.domains[user.domain_id]),
            "id": user.id,
            "name": user.name,
            "password_expires_at": timestamps.zulu_with_microseconds(expires) if expires else None,
        }
    }
    if kind == "project" and place is not None:
        body["project"] = {"domain": _named(found.domains[place.domain_id]), **_named(place)}
        body["is_domain"] = False
    elif kind == "domain" and place is not None:
        body["domain"] = _named(place)
    elif kind == "system":
        body["system"] = {"all": True}
    if found.assertion is not None and found.delegated is None:
        body["user"]["OS-FEDERATION"] = found.assertion.body
        del body["user"]["password_expires_at"]
    if kind:
        body["roles"] = [{"id": role.id, "name": role.name} for role in roles]
    return {**body, **found.delegated.body} if found.delegated else body


def _elsewhere(catalog: Catalog) -> dict[str, Any]:
    return {"service_providers": catalog.service_providers} if catalog.service_providers else {}


def _named(row: Project) -> dict[str, str]:
    return {"id": row.id, "name": row.name}
