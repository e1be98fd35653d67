# SPDX-License-Identifier: Apache-2.0
"""What a token by an access token holds."""

from cumulet.kernel.db import Tx
from cumulet.services.keystone.oauth1.model import AccessToken
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.tokens.subject import Delegated, Subject


def delegated(tx: Tx, id: str, subject: Subject, place: Project | None) -> Delegated | None:
    """Those of the granted roles that the user still has; None for a grant that is gone or has ended."""
    found = tx.get(AccessToken, id)
    if found is None or (found.authorizing_user_id, found.project_id) != (subject.user_id, subject.scope.id):
        return None
    if found.expires_at is not None and found.expires_at < tx.now:
        return None
    held = {role.id for role in effective.roles(tx, subject.user_id, subject.scope, place)}
    return Delegated(
        roles=[role for role in effective.global_roles(tx, found.role_ids) if role.id in held],
        body={"OS-OAUTH1": {"access_token_id": found.id, "consumer_id": found.consumer_id}},
        identity={"access_token_id": found.id},
        expires_at=found.expires_at,
    )
