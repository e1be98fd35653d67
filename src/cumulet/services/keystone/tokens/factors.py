# SPDX-License-Identifier: Apache-2.0
"""Multi-factor rules: by which methods a user must have proved themselves before they get a token.

A rule is a set of methods, and one rule that is met is enough. Methods that this cloud does not speak are
not asked for, and a rule of nothing else is no rule: nobody is locked out by a mistake in their rules.
"""

from collections.abc import Collection
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unauthorized
from cumulet.lib import timestamps
from cumulet.services.keystone.errors import MethodsMissing
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.tokens import receipts
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.methods import METHODS
from cumulet.services.keystone.tokens.payload import in_order
from cumulet.services.keystone.tokens.receipts import Receipt


def rules_of(user: User) -> list[frozenset[str]]:
    """The rules of a user, empty when none are in force."""
    if user.options.get("multi_factor_auth_enabled") is False:
        return []
    rules = (METHODS.keys() & set(rule) for rule in user.options.get("multi_factor_auth_rules") or ())
    return [frozenset(rule) for rule in rules if rule]


def are_enough(user: User, methods: Collection[str]) -> bool:
    """Whether these methods meet one of the user's rules, or there is none."""
    rules = rules_of(user)
    return not rules or any(rule.issubset(methods) for rule in rules)


def with_receipt(tx: Tx, user: User, methods: Collection[str], text: str) -> tuple[str, ...]:
    """These methods, and those of the receipt that a request shows if any.

    Raises Unauthorized for a receipt that does not hold or is somebody else's, MethodsMissing with a new one
    when that is not enough.
    """
    authority = tx.app.contract(Authority)
    now = int(timestamps.to_epoch(tx.now))
    shown: tuple[str, ...] = ()
    if text:
        found = receipts.unpack(authority.keyring.receipt, text)
        if found is None or found.expires_at <= now or found.user_id != user.id:
            raise Unauthorized(f"Could not find auth receipt: {text}.")
        shown = found.methods
    proved = in_order({*methods, *shown})
    if are_enough(user, proved):
        return proved
    receipt = Receipt(
        user_id=user.id,
        methods=proved,
        issued_at=now,
        expires_at=now + authority.settings.receipt_lifetime,
    )
    raise MethodsMissing(receipts.pack(authority.keyring.receipt, receipt), _body(tx, user, receipt))


def _body(tx: Tx, user: User, receipt: Receipt) -> dict[str, Any]:
    """What the answer says; of the rules only those that something was proved of."""
    domain = tx.need(Project, user.domain_id)
    return {
        "receipt": {
            "methods": receipt.methods,
            "user": {
                "id": user.id,
                "name": user.name,
                "domain": {"id": domain.id, "name": domain.name},
            },
            "expires_at": _moment(receipt.expires_at),
            "issued_at": _moment(receipt.issued_at),
        },
        "required_auth_methods": [
            in_order(rule) for rule in rules_of(user) if not rule.isdisjoint(receipt.methods)
        ],
    }


def _moment(second: int) -> str:
    return timestamps.zulu_with_microseconds(timestamps.from_epoch(second))
