# SPDX-License-Identifier: Apache-2.0
"""What the access rules of an application credential let its bearer ask, judged as keystonemiddleware does.

A rule names a type of service, a method and a path as the service sees it, without what stands before it on
the host that several services share.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from cumulet.kernel.errors import Unauthorized
from cumulet.lib.memo import memo_of

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context


def require(ctx: "Context", method: str, path: str) -> None:
    """Raise Unauthorized unless an access rule of the caller's application credential covers the request.

    What a service asks on the caller's behalf was theirs to ask when it came to that service.
    """
    rules = ctx.identity.access_rules
    if rules is None or "service" in ctx.service_roles:
        return
    kinds = {entry.type for entry in ctx.service.manifest.catalog}
    if not allows(rules, kinds, method, path):
        raise Unauthorized(ctx.service.api.wire.unauthorized)


def allows(rules: Iterable[Mapping[str, str]], kinds: Collection[str], method: str, path: str) -> bool:
    """Whether one of the rules covers this request of a service of these types.

    Everybody may have a token validated.
    """
    if "identity" in kinds and method == "GET" and path == "/v3/auth/tokens":
        return True
    return any(
        rule["service"] in kinds and rule["method"] == method and covers(rule["path"], path) for rule in rules
    )


def covers(pattern: str, path: str) -> bool:
    """Whether a path is as a rule has it: `*` and `{name}` are one part, `**` is whatever follows."""
    return _compiled(pattern).fullmatch(path) is not None


@memo_of(1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\{[^}]*\})", pattern)
    return re.compile(
        "".join(
            ".*" if part == "**" else "[^/]+" if part == "*" or part.startswith("{") else re.escape(part)
            for part in parts
        )
    )
