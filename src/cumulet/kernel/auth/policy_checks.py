# SPDX-License-Identifier: Apache-2.0
"""Policy expressions compiled to closures `(creds, target) -> bool`.

All that can be known before a request is decided here once: which rule a `rule:` means, whether a match
is a constant or one key of the target, whether the left side is a literal or a path into the
credentials. What remains is a few dictionary lookups.

Values are compared as text, as oslo.policy does, so `None` on both sides is equal: `None:%(domain_id)s` is
how a rule says that the target has no domain. A key that the target lacks makes its term false.
"""

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cumulet.kernel.auth.policy_language import All, Always, Either, Expression, Not, PolicyError, Term

Creds = Mapping[str, Any]
Target = Mapping[str, Any]
Check = Callable[[Creds, Target], bool]
Kind = Callable[[str], Check]
"""Makes the check of one `kind:match` from its match."""

Render = Callable[[Target], str]
"""The right side of a term as text; raises KeyError where the target lacks a key."""

_PLACEHOLDER = re.compile(r"%(?:%|\((?P<key>[^()]*)\)s)")
_REMOTE_KINDS = ("http", "https")


def compile_rules(
    rules: Mapping[str, Expression], kinds: Mapping[str, Kind], default_rule: str
) -> dict[str, Check]:
    """The check of every rule; a `rule:` that names none means the default rule, or never holds without one.

    Rules that come back to themselves are refused with the way they take.
    """
    compiled: dict[str, Check] = {}
    open_rules: list[str] = []

    def find_rule(name: str) -> Check:
        if name not in rules:
            return find_rule(default_rule) if default_rule in rules else _never
        if name in compiled:
            return compiled[name]
        if name in open_rules:
            way = " -> ".join([*open_rules[open_rules.index(name) :], name])
            raise PolicyError(f"the rules refer to one another in a circle: {way}")
        open_rules.append(name)
        try:
            compiled[name] = compile_expression(rules[name], find_rule, kinds)
        except PolicyError as error:
            raise error.within(name) from None
        open_rules.pop()
        return compiled[name]

    return {name: find_rule(name) for name in rules}


def compile_expression(
    expression: Expression, find_rule: Callable[[str], Check], kinds: Mapping[str, Kind]
) -> Check:
    """The check of a tree; `find_rule` compiles what `rule:` names, `kinds` are a service's own terms."""
    match expression:
        case Always(outcome):
            return lambda creds, target: outcome
        case Not(part):
            check = compile_expression(part, find_rule, kinds)
            return lambda creds, target: not check(creds, target)
        case All(parts):
            return _all([compile_expression(part, find_rule, kinds) for part in parts])
        case Either(parts):
            return _either([compile_expression(part, find_rule, kinds) for part in parts])
        case Term("rule", name):
            return find_rule(name)
        case Term(kind, text) if kind in kinds:
            return kinds[kind](text)
        case Term("role", text):
            return _role(text)
        case Term(kind, text) if kind in _REMOTE_KINDS:
            raise PolicyError(f"'{kind}:{text}' asks a remote server, which no policy here may do")
        case Term(kind, text):
            return _comparison(kind, text)


def _never(creds: Creds, target: Target) -> bool:
    return False


@cache
def literal(kind: str) -> str | None:
    """The text of a left side that is a Python literal (`'member'`, `None`, `True`), else nothing."""
    try:
        return str(ast.literal_eval(kind))
    except (ValueError, SyntaxError):
        return None


def render(text: str) -> Render:
    """The right side of a term: `%(key)s` stands for the target's value, `%%` for a percent sign."""
    if "%" in _PLACEHOLDER.sub("", text):
        raise PolicyError(f"{text!r} has a '%' that is neither '%(key)s' nor '%%'")
    if not _PLACEHOLDER.search(text):
        return lambda target: text
    whole = _PLACEHOLDER.fullmatch(text)
    if whole and (key := whole["key"]) is not None:
        return lambda target: str(target[key])
    return lambda target: text % target


def credential_path(kind: str) -> list[str]:
    """Where in the credentials a left side points; `system` is the older word for `system_scope`."""
    return ["system_scope"] if kind == "system" else kind.split(".")


def values_at(creds: Any, path: list[str]) -> list[str]:
    """What the credentials hold at a dotted path, as text; a list on the way stands for each of its items."""
    if not path:
        return [str(creds)]
    if not isinstance(creds, Mapping) or path[0] not in creds:
        return []
    value = creds[path[0]]
    items = value if isinstance(value, list | tuple) else [value]
    return [found for item in items for found in values_at(item, path[1:])]


def _all(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    first, second = (_all(half) for half in _halves(checks))
    return lambda creds, target: first(creds, target) and second(creds, target)


def _either(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    first, second = (_either(half) for half in _halves(checks))
    return lambda creds, target: first(creds, target) or second(creds, target)


def _halves(checks: list[Check]) -> tuple[list[Check], list[Check]]:
    """Halved again and again, any number of parts stays shallow and needs no loop at the time of asking."""
    middle = len(checks) // 2
    return checks[:middle], checks[middle:]


def _role(text: str) -> Check:
    if "%" not in text:
        role = text.lower()
        return lambda creds, target: _has_role(creds, role)
    expected = render(text)

    def has_rendered_role(creds: Creds, target: Target) -> bool:
        try:
            return _has_role(creds, expected(target).lower())
        except KeyError:
            return False

    return has_rendered_role


def _has_role(creds: Creds, role: str) -> bool:
    roles = creds.get("roles") or ()
    return role in roles or role in [held.lower() for held in roles]


def _comparison(kind: str, text: str) -> Check:
    expected = render(text)
    constant = literal(kind)
    path = credential_path(kind)
    key = path[0]

    def literal_is_equal(creds: Creds, target: Target) -> bool:
        try:
            return constant == expected(target)
        except KeyError:
            return False

    def attribute_is_equal(creds: Creds, target: Target) -> bool:
        value = creds.get(key, creds)
        if value is creds or isinstance(value, list | tuple):
            return path_is_equal(creds, target)
        try:
            return str(value) == expected(target)
        except KeyError:
            return False

    def path_is_equal(creds: Creds, target: Target) -> bool:
        try:
            return expected(target) in values_at(creds, path)
        except KeyError:
            return False

    if constant is not None:
        return literal_is_equal
    return attribute_is_equal if len(path) == 1 else path_is_equal
