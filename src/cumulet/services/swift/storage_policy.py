# SPDX-License-Identifier: Apache-2.0
"""Storage policies: there is one, by the name that an unconfigured Swift gives its own."""

from cumulet.kernel.errors import BadRequest, Conflict

POLICY = "Policy-0"
HEADER = "X-Storage-Policy"


def require_known(name: str | None, *, of_existing: bool) -> None:
    """Raise BadRequest for a policy that there is not, Conflict for one to which a container would change."""
    if not name or name.lower() == POLICY.lower():
        return
    if of_existing:
        raise Conflict
    raise BadRequest(f"Invalid {HEADER} {name!r}")
