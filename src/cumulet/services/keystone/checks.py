# SPDX-License-Identifier: Apache-2.0
"""Policy checks of Keystone's own: rules may look into the caller's token as upstream shows it to them."""

from collections.abc import Callable, Mapping

from cumulet.kernel.auth.policy_checks import Check, Kind, compile_expression
from cumulet.kernel.auth.policy_language import Term


def _same_as(credential: str) -> Kind:
    """A check of `token.…` is one of the credential that holds the same."""
    return lambda match: compile_expression(Term(credential, match), _no_rule, {})


def _no_rule(name: str) -> Check:
    raise LookupError(f"a comparison names no rule: {name}")


KINDS: Mapping[str, Callable[[str], Check]] = {
    "token.domain.id": _same_as("domain_id"),
    "token.project.domain.id": _same_as("project_domain_id"),
}
