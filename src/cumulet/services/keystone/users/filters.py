# SPDX-License-Identifier: Apache-2.0
"""Queries of users that are no plain comparison."""

import operator
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest
from cumulet.lib import timestamps
from cumulet.services.keystone.errors import malformed
from cumulet.services.keystone.people import User

_OPERATORS = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}


def password_expiry(ctx: Context, values: list[str]) -> Any:
    """`password_expires_at=lt:2026-11-20T10:00:00Z`, or a moment alone.

    A password that never expires is none of them. Raises BadRequest.
    """
    name, moment = "eq", values[-1]
    if ":" in moment[2:4]:
        name, _, moment = moment.partition(":")
    try:
        wanted = timestamps.parse(moment)
    except ValueError:
        raise malformed("Timestamp not in expected format") from None
    if name not in _OPERATORS:
        raise BadRequest(
            f"The given operator {name} is not valid. It must be one of the following: 'eq', 'neq', 'lt', "
            "'lte', 'gt', or 'gte'."
        )
    return _OPERATORS[name](User.c.password_expires_at, wanted)
