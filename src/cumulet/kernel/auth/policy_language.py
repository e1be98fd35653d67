# SPDX-License-Identifier: Apache-2.0
"""The operators' policy language, read into a small tree.

A rule is a sentence over *terms* (`role:admin`, `project_id:%(project_id)s`, `rule:owner`), joined with
`and`, `or`, `not` and parentheses; `@` always holds, `!` never, and the empty rule always. The words are
split at white space as oslo.policy splits them, because policy files written for it must mean the same
here: a parenthesis counts at the ends of a word only, so that `%(name)s` stays whole. The old form, a list
of lists (`or` of `and`s), is read too.

What oslo.policy logs and then denies (a word that it cannot understand) is refused here, with the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class PolicyError(Exception):
    """A policy cannot be understood; the message says which rule, where and why."""

    rule: str = ""
    """The rule at fault, the innermost one where rules refer to one another."""

    def within(self, rule: str) -> PolicyError:
        """The same error, told of the rule in which it was found."""
        if self.rule:
            return self
        error = PolicyError(f"policy rule {rule!r}: {self}")
        error.rule = rule
        return error


@dataclass(frozen=True, slots=True)
class Always:
    """`@` or the empty rule (true), `!` (false)."""

    outcome: bool

    def __str__(self) -> str:
        return "@" if self.outcome else "!"


@dataclass(frozen=True, slots=True)
class Term:
    """One `kind:match`."""

    kind: str
    match: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.match}"


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression

    def __str__(self) -> str:
        return f"not {self.part}"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.parts))})"


Expression = Always | Term | Not | All | Either
RuleText = str | Sequence[str | Sequence[str]]


def parse(rule: RuleText) -> Expression:
    """The tree of a rule; raises PolicyError with the column of the word that does not fit."""
    if isinstance(rule, str):
        return _Parser(rule).rule()
    return _parse_lists(rule)


def terms(expression: Expression) -> Iterator[Term]:
    """Every term of the tree, from left to right."""
    match expression:
        case Term():
            yield expression
        case Not(part):
            yield from terms(part)
        case All(parts) | Either(parts):
            for part in parts:
                yield from terms(part)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    column: int

    @property
    def operator(self) -> str:
        """`and`, `or`, `not`, `(`, `)`, or nothing for a term."""
        lowered = self.text.lower()
        return lowered if lowered in ("and", "or", "not", "(", ")") else ""


_END = _Word("", 0)


def _words(text: str) -> Iterator[_Word]:
    for found in re.finditer(r"\S+", text):
        chunk, column = found.group(), found.start() + 1
        opened = len(chunk) - len(chunk.lstrip("("))
        for i in range(opened):
            yield _Word("(", column + i)
        inner = chunk[opened:].rstrip(")")
        if inner:
            yield _Word(inner, column + opened)
        for i in range(opened + len(inner), len(chunk)):
            yield _Word(")", column + i)


class _Parser:
    """Recursive descent: `or` of `and` of `not` of a term or a parenthesis."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = list(_words(text))
        self.position = 0

    def rule(self) -> Expression:
        if not self.words:
            return Always(True)
        expression = self.either()
        if self.next is not _END:
            raise self.refusal("'and', 'or' or the end")
        return expression

    def either(self) -> Expression:
        parts = [self.all()]
        while self.take("or"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def all(self) -> Expression:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negation(self) -> Expression:
        if self.take("not"):
            return Not(self.negation())
        if self.take("("):
            expression = self.either()
            if not self.take(")"):
                raise self.refusal("')'")
            return expression
        if self.next is _END or self.next.operator:
            raise self.refusal("a check")
        word = self.next
        self.position += 1
        return _term(word.text, f"at column {word.column} of {self.text!r}")

    @property
    def next(self) -> _Word:
        return self.words[self.position] if self.position < len(self.words) else _END

    def take(self, operator: str) -> bool:
        """Whether the next word is this operator, and then it is consumed."""
        taken = self.next.operator == operator
        self.position += taken
        return taken

    def refusal(self, expected: str) -> PolicyError:
        if self.next is _END:
            return PolicyError(f"{self.text!r} ends where {expected} should follow")
        return PolicyError(
            f"{self.next.text!r} at column {self.next.column} of {self.text!r} is where {expected} should be"
        )


def _parse_lists(rule: Sequence[str | Sequence[str]]) -> Expression:
    if not rule:
        return Always(True)
    alternatives: list[Expression] = []
    for inner in rule:
        checks = [inner] if isinstance(inner, str) else inner
        parts = tuple(_term(check, f"in {rule!r}") for check in checks)
        if parts:
            alternatives.append(parts[0] if len(parts) == 1 else All(parts))
    if not alternatives:
        return Always(False)
    return alternatives[0] if len(alternatives) == 1 else Either(tuple(alternatives))


def _term(text: object, place: str) -> Expression:
    if text == "@" or text == "!":
        return Always(text == "@")
    kind, colon, match = text.partition(":") if isinstance(text, str) else ("", "", "")
    quoted = kind[:1] in ("'", '"') and kind[-1:] == kind[:1] and len(kind) > 1
    if not colon or not kind or (not quoted and re.search(r"""[()'"]""", kind)):
        raise PolicyError(f"{text!r} {place} is no check: write kind:match, '@' or '!'")
    return Term(kind, match)
