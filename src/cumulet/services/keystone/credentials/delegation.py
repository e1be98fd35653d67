# SPDX-License-Identifier: Apache-2.0
"""What who acts by a delegation may do with credentials: reach those of its project, and make such as it is.

The content of an EC2 credential names the delegation by which it was made, so that a token by the credential
is one by that delegation.
"""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context, Identity
from cumulet.services.keystone.errors import not_allowed
from cumulet.services.keystone.tokens.subject import Delegation

_NAMES = {"trust_id": "trust", "app_cred_id": "application_credential", "access_token_id": "access_token"}
FIXED = (*_NAMES, "access_id")
"""What never changes in the content of an EC2 credential."""


def acting_by(identity: Identity) -> dict[str, str]:
    """The delegation of a caller as the content of a credential names it; empty when there is none."""
    ids = {
        "trust_id": identity.trust_id,
        "app_cred_id": identity.application_credential_id,
        "access_token_id": identity.access_token_id,
    }
    return {name: id for name, id in ids.items() if id}


def made_by(content: Mapping[str, Any]) -> Delegation | None:
    """The delegation by which an EC2 credential was made."""
    return next((Delegation(kind, content[name]) for name, kind in _NAMES.items() if content.get(name)), None)


def reaches(ctx: Context, project_id: str | None) -> bool:
    """Whether the caller may touch credentials for this project. Those for none are their user's."""
    return not acting_by(ctx.identity) or project_id == ctx.project_id


def require_within(ctx: Context, project_id: str | None, noun: str = "Credential") -> None:
    """Raise Forbidden for what lies beyond the project of the caller's delegation."""
    if not reaches(ctx, project_id):
        raise not_allowed(f"{noun} project does not match the project scope of the delegated token")
