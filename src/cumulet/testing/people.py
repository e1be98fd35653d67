# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Keystone in tests of one service: people whose tokens are their names."""

from collections.abc import Mapping

from cumulet.kernel.auth.context import Authenticator, Identity
from cumulet.kernel.db import Tx
from cumulet.kernel.http.wire import WireProfile, error_in_envelope
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.lib.timestamps import LATEST

PROJECT = "a" * 32
OTHER_PROJECT = "b" * 32


def person(name: str, *roles: str, project_id: str | None = PROJECT, system: str | None = None) -> Identity:
    """Somebody with these roles."""
    return Identity(
        user_id=f"{name:0<32}"[:32], user_name=name, project_id=project_id, system_scope=system, roles=roles,
        user_domain_id="default", project_domain_id="default" if project_id else None, expires_at=LATEST,
    )  # fmt: skip


class People:
    """Knows the tokens admin, manager, member, reader, stranger (a member of another project) and service."""

    def __init__(self) -> None:
        self.known = {
            "admin": person("admin", "admin", "manager", "member", "reader"),
            "manager": person("manager", "manager", "member", "reader"),
            "member": person("member", "member", "reader"),
            "reader": person("reader", "reader"),
            "stranger": person("stranger", "member", "reader", project_id=OTHER_PROJECT),
            "service": person("service", "service"),
            "system-admin": person("root", "admin", "member", "reader", project_id=None, system="all"),
        }

    def verify(self, tx: Tx, token: str, *, allow_expired: bool) -> Identity | None:
        return self.known.get(token)

    def has_shown(self, thumbprint: str, headers: Mapping[str, str]) -> bool:
        return False

    def epoch(self) -> int:
        return 0


def people() -> Service:
    """The stand-in as a service."""
    known = People()
    return Service(
        name="people",
        path="/identity",
        port=5000,
        catalog=(CatalogEntry("identity", "keystone"),),
        api=lambda: Api(prefix="/v3", wire=WireProfile(error=error_in_envelope), policies={}),
        provides=lambda: {Authenticator: known},
    )
