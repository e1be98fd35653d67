# SPDX-License-Identifier: Apache-2.0
"""What somebody says they are, and what they have proved to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulet.services.keystone.federation.front_proxy import NOTHING, Asserted
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.subject import Delegation

Words = Mapping[str, Any]
"""What a body says by which something is to be found: {"name": ..., "domain": {...}}."""


TRUST = "OS-TRUST:trust"


@dataclass(frozen=True)
class Asked:
    """What somebody says they are, method by method, and what the token should be for.

    `scope` is a kind (TRUST or one of a Scope) and what names it; None when the request says nothing, so that
    the user's default project counts. `receipt` is what an earlier request was given that had proved too
    little, `authorization` the header of that name.
    """

    methods: Mapping[str, Words]
    scope: tuple[str, Words] | None
    receipt: str = ""
    authorization: str = ""
    asserted: Asserted = NOTHING
    """What others have found out of who asks."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Who somebody has proved to be, and how."""

    user_id: str
    methods: tuple[str, ...]
    expires_at: int | None = None
    """The second at which the token ends that it was proved with."""
    chain: str = ""
    """The audit id of the first token in the chain that it was proved with."""
    scope: Scope | None = None
    """What the token is for where the proof itself says it."""
    delegation: Delegation | None = None
    federation_id: str = ""
    thumbprint: str = ""
    """That of the certificate which was the proof."""
