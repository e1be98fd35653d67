# SPDX-License-Identifier: Apache-2.0
"""Why a request was refused, kept with its story as it was then: rules, roles and rows may change.

Kept are the rule as it was written, who asked with which roles, and what would have let them through. Of what
was to be touched only those values are kept that the rule compares: ids and states, never secrets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from cumulet.kernel.auth.policy import token_scope
from cumulet.kernel.trace import Span

if TYPE_CHECKING:
    from cumulet.kernel.auth.policy import Policy
    from cumulet.kernel.auth.policy_reasons import Reason

KIND = "refusal"
"""The kind of span that holds one."""


@dataclass(frozen=True, slots=True)
class Denial:
    """One question that a policy has answered with no.

    Without a `reason` the target is a copy of what had been read of it by then.
    """

    service: str
    policy: Policy
    creds: Mapping[str, Any]
    target: Mapping[str, Any]
    reason: Reason | None = None

    def explained(self, rule: str, target: Mapping[str, Any]) -> Denial:
        """The same with its reason, for which the target is asked for all that the rule compares."""
        return replace(self, reason=self.policy.explain(rule, self.creds, target))


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """`texts` are the rule and those that it refers to; each of `ways` lists what is missing and would do."""

    service: str
    rule: str
    texts: dict[str, str]
    scope: str
    user_id: str
    roles: list[str]
    service_roles: list[str]
    ways: list[list[str]]


def note(span: Span, rule: str, denial: Denial) -> None:
    """The story says why this rule has refused it."""
    refusal = explain(rule, denial)
    told = msgspec.json.encode(refusal).decode()
    span.children.append(Span(span.story, KIND, rule, time.time(), span.id, status="refused", message=told))


def explain(rule: str, denial: Denial) -> Refusal:
    """What there is to say of a denial now."""
    policy, creds = denial.policy, denial.creds
    reason = denial.reason or policy.explain(rule, creds, denial.target)
    return Refusal(
        service=denial.service,
        rule=rule,
        texts=policy.texts(rule),
        scope=_scope(creds),
        user_id=str(creds.get("user_id") or ""),
        roles=list(creds.get("roles") or ()),
        service_roles=list(creds.get("service_roles") or ()),
        ways=[list(way) for way in reason.ways()],
    )


def read(message: str) -> Refusal:
    """The refusal that a span holds."""
    return msgspec.json.decode(message, type=Refusal)


def _scope(creds: Mapping[str, Any]) -> str:
    """What the caller's token is for, in words."""
    kind = token_scope(creds)
    if kind == "system":
        return "the system"
    id = creds.get(f"{kind}_id")
    return f"{kind} {id}" if id else "nothing: it is unscoped"
