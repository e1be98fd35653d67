# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Keystone in their own transaction.

Verifying tokens is `kernel.auth.context.Authenticator`, which Keystone provides too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx


@dataclass(frozen=True)
class ProjectInfo:
    id: str
    name: str
    domain_id: str
    enabled: bool


class Directory(Protocol):
    """Projects and users, as far as others need to know them."""

    def project(self, tx: Tx, project_id: str) -> ProjectInfo | None: ...

    def project_names(self, tx: Tx, ids: Iterable[str]) -> dict[str, str]: ...

    def user_exists(self, tx: Tx, user_id: str) -> bool: ...

    def find_project(self, tx: Tx, name: str, domain_id: str = "default") -> ProjectInfo | None:
        """A project by its name."""

    def service_identity(self, tx: Tx) -> Identity:
        """The identity under which services act on their own: roles admin and service, project `service`."""


class Signers(Protocol):
    """Those who sign with the key of an EC2 credential, as the interfaces of S3 and EC2 have it."""

    def identity(self, tx: Tx, access: str, text: bytes, signature: str) -> Identity | None:
        """Who has signed this text with this key, None when nobody has, or may not any more."""
