# SPDX-License-Identifier: Apache-2.0
"""Whom a token speaks for: a user, somewhere, perhaps with less than all that they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.people import User
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.roles.model import Role

DELEGATIONS = ("application_credential", "trust", "access_token")


@dataclass(frozen=True, slots=True)
class Delegation:
    """By what somebody has handed over a part of their rights; `kind` is one of DELEGATIONS."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """All that decides which rights a token holds.

    `federation_id` is the assertion of an identity provider by which its bearer came, 32 hex digits.
    """

    user_id: str
    scope: Scope = UNSCOPED
    delegation: Delegation | None = None
    federation_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Delegated:
    """What a delegation comes to now.

    `body` is what a token shows of it, `identity` the fields of Identity that it fills. `acts_as` is in whose
    name its bearer acts when it is not their own. Tokens end when `generation` grows, the
    giver's.
    """

    roles: list[Role]
    body: Mapping[str, Any]
    identity: Mapping[str, Any] = field(default_factory=dict)
    expires_at: Timestamp | None = None
    acts_as: User | None = None
    generation: int = 0
