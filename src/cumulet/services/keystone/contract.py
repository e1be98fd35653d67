# SPDX-License-Identifier: Apache-2.0
"""What Keystone tells other services in their own transaction."""

from collections.abc import Iterable

from cumulet.contracts.keystone import ProjectInfo
from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unavailable
from cumulet.lib.timestamps import LATEST
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import Role

SERVICE_USER = "cumulet"
"""The name under which services act on their own; no such user can log in."""


class Directory:
    """contracts.keystone.Directory on our tables."""

    def project(self, tx: Tx, project_id: str) -> ProjectInfo | None:
        return _info(tx.get(Project, project_id))

    def project_names(self, tx: Tx, ids: Iterable[str]) -> dict[str, str]:
        return {row.id: row.name for row in tx.get_many(Project, ids).values()}

    def user_exists(self, tx: Tx, user_id: str) -> bool:
        return tx.exists(User, User.c.id == user_id)

    def find_project(self, tx: Tx, name: str, domain_id: str = "default") -> ProjectInfo | None:
        return _info(tx.first(Project, Project.c.domain_id == domain_id, Project.c.name == name))

    def service_identity(self, tx: Tx) -> Identity:
        """Roles admin and service on the project `service`. Unavailable when an operator has deleted that."""
        project = tx.first(Project, Project.c.domain_id == "default", Project.c.name == "service")
        if project is None:
            raise Unavailable("The project `service`, in whose name services act, does not exist.")
        wanted = ("admin", "manager", "member", "reader", "service")
        roles = tx.all(Role, Role.c.domain_id == "", Role.c.name.in_(wanted), order_by=[Role.c.name])
        return Identity(
            user_id=SERVICE_USER,
            user_name=SERVICE_USER,
            user_domain_id="default",
            user_domain_name="Default",
            project_id=project.id,
            project_name=project.name,
            project_domain_id="default",
            project_domain_name="Default",
            roles=tuple(role.name for role in roles),
            role_ids=tuple(role.id for role in roles),
            expires_at=LATEST,
        )


class Signers:
    """contracts.keystone.Signers, whose code is loaded when somebody signs."""

    def identity(self, tx: Tx, access: str, text: bytes, signature: str) -> Identity | None:
        from cumulet.services.keystone.credentials.signed import signer

        return signer(tx, access, text, signature)


def _info(row: Project | None) -> ProjectInfo | None:
    if row is None:
        return None
    return ProjectInfo(id=row.id, name=row.name, domain_id=row.domain_id, enabled=row.enabled)
