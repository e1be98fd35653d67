# SPDX-License-Identifier: Apache-2.0
"""Who may do what: a service's default rules, the operator's overrides, and the answer to one question.

A service lists its rules as a table of `Rule`; an operator changes some of them in policy.yaml, in
oslo.policy's language. Both are compiled once. To ask costs about a microsecond; to ask why is slow and meant
for people.

A token of the wrong scope is refused before the rule is looked at, as upstream does with `enforce_scope`
and `enforce_new_defaults` on: a token is of system scope if it has `system_scope`, of domain scope if it has
`domain_id`, and counts as of project scope otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cumulet.kernel.auth.policy_checks import Check, Creds, Kind, Target, compile_rules
from cumulet.kernel.auth.policy_language import Expression, PolicyError, RuleText, parse, terms
from cumulet.kernel.auth.policy_reasons import Reason, Reasoner
from cumulet.kernel.config import read_mapping

ANY_SCOPE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A default: its check, and the scopes of token that may ask (`ANY_SCOPE` for a rule of other rules)."""

    check: str
    scope_types: tuple[str, ...] = ("project",)
    description: str = ""


class Verdict(enum.Enum):
    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    WRONG_SCOPE = "wrong scope"


class _Compiled(NamedTuple):
    scopes: tuple[str, ...]
    check: Check


class Policy:
    """The compiled rules of one service. `warnings` are sentences for the operator about the overrides."""

    def __init__(
        self,
        defaults: Mapping[str, Rule],
        overrides: Mapping[str, RuleText] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        default_rule: str = "default",
    ) -> None:
        overrides = overrides or {}
        texts: dict[str, RuleText] = {name: rule.check for name, rule in defaults.items()}
        self._texts = texts | dict(overrides)
        self.expressions = {name: _parse(name, text) for name, text in self._texts.items()}
        self.warnings = tuple(_warnings(defaults, overrides, self.expressions, default_rule))
        self._default_rule = default_rule
        self._kinds = kinds or {}
        self._compiled = {
            name: _Compiled(defaults[name].scope_types if name in defaults else ANY_SCOPE, check)
            for name, check in compile_rules(self.expressions, self._kinds, default_rule).items()
        }

    def check(self, name: str, creds: Creds, target: Target) -> bool:
        """Whether the token has a right scope and the rule holds; False for a rule that does not exist."""
        rule = self._compiled.get(name) or self._compiled.get(self._default_rule)
        if rule is None or (rule.scopes and token_scope(creds) not in rule.scopes):
            return False
        return rule.check(creds, target)

    def judge(self, name: str, creds: Creds, target: Target) -> Verdict:
        """The same answer as `check`, with a token of the wrong scope told apart."""
        if self.wrong_scope(name, creds):
            return Verdict.WRONG_SCOPE
        return Verdict.ALLOWED if self.check(name, creds, target) else Verdict.NOT_ALLOWED

    def wrong_scope(self, name: str, creds: Creds) -> bool:
        """Whether no token of this scope may ask, whatever its roles."""
        rule = self._compiled.get(name)
        return rule is not None and bool(rule.scopes) and token_scope(creds) not in rule.scopes

    def explain(self, name: str, creds: Creds, target: Target) -> Reason:
        """Why the rule holds or fails, part by part; `str()` of it is a small tree for people."""
        if self.wrong_scope(name, creds):
            wanted = " or ".join(self._compiled[name].scopes)
            has = token_scope(creds)
            return Reason(
                False,
                f"{name} wants a token of {wanted} scope, this one has {has} scope",
                wanted=f"a token of {wanted} scope; this one has {has} scope",
            )
        return Reasoner(self.expressions, self._kinds, self._default_rule, creds, target).rule(name)

    def texts(self, name: str) -> dict[str, str]:
        """The rule as it is written, and every rule that it refers to, by name."""
        found: dict[str, str] = {}
        waiting = [name]
        for each in waiting:
            expression = self.expressions.get(each)
            if expression is not None and each not in found:
                text = self._texts[each]
                found[each] = text if text and isinstance(text, str) else str(expression)
                waiting += [term.match for term in terms(expression) if term.kind == "rule"]
        return found


def token_scope(creds: Creds) -> str:
    """`system`, `domain` or `project`; an unscoped token counts as the last, having no project to match."""
    if creds.get("system_scope"):
        return "system"
    return "domain" if creds.get("domain_id") else "project"


def read_overrides(text: str) -> dict[str, RuleText]:
    """The rules in the text of a policy.yaml, which may be empty; raises PolicyError if it is no mapping."""
    try:
        return read_mapping(text, "policy file", "rule names to rules")
    except ValueError as error:
        raise PolicyError(str(error)) from error


def _parse(name: str, text: RuleText) -> Expression:
    if not isinstance(text, str | list | tuple):
        raise PolicyError(f"policy rule {name!r}: {text!r} is no rule: write a text, or '' to allow all")
    try:
        return parse(text)
    except PolicyError as error:
        raise error.within(name) from None


def _warnings(
    defaults: Mapping[str, Rule],
    overrides: Mapping[str, RuleText],
    expressions: Mapping[str, Expression],
    default_rule: str,
) -> Iterator[str]:
    references = {
        (term.match, name)
        for name, expression in expressions.items()
        for term in terms(expression)
        if term.kind == "rule"
    }
    used = {default_rule, *(referred for referred, _ in references)}
    for name in overrides:
        if name not in defaults and name not in used:
            yield f"policy rule {name!r} is unknown: nothing asks for it and no rule refers to it"
    for referred, name in sorted(references):
        if referred not in expressions:
            meaning = (
                f"the rule {default_rule!r} stands in" if default_rule in expressions else "it never holds"
            )
            yield f"policy rule {name!r} refers to {referred!r}, which does not exist: {meaning}"
