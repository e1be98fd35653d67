# SPDX-License-Identifier: Apache-2.0
"""Why a policy rule holds or fails for one caller, as a small tree for people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cumulet.kernel.auth.policy_checks import (
    Check,
    Creds,
    Kind,
    Target,
    compile_expression,
    credential_path,
    literal,
    render,
    values_at,
)
from cumulet.kernel.auth.policy_language import All, Always, Either, Expression, Not, Term

_MOST_WAYS = 12
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a rule: whether it holds, in a sentence, and the parts that decided it.

    Of `either` one part is enough. `wanted` is what a term that fails asks for, in words; empty where nothing
    that the caller could have would do.
    """

    holds: bool
    text: str
    parts: tuple[Reason, ...] = ()
    either: bool = False
    wanted: str = ""

    def ways(self) -> list[tuple[str, ...]]:
        """Each a list of things that are missing and together would do, the shortest first."""
        found = dict.fromkeys(tuple(dict.fromkeys(way)) for way in self._ways())
        return sorted(found, key=len)

    def _ways(self) -> list[tuple[str, ...]]:
        if self.holds:
            return [()]
        if not self.parts:
            return [(self.wanted,)] if self.wanted else []
        ways = [sorted(part._ways(), key=len) for part in self.parts]
        if self.either:
            return [way for some in ways for way in some][:_MOST_WAYS]
        joined = itertools.islice(itertools.product(*ways), _MOST_WAYS)
        return [tuple(itertools.chain(*way)) for way in joined]

    def missing(self) -> list[str]:
        """The sentences of the terms that fail and so refuse the whole."""
        if self.holds:
            return []
        failed = [part for part in self.parts if not part.holds]
        sentences = [sentence for part in failed for sentence in part.missing()] or [self.text]
        return list(dict.fromkeys(sentences))

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield f"{'  ' * depth}{'yes' if self.holds else 'no '} {self.text}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Reasoner:
    """Walks the rules for one caller and one target."""

    def __init__(
        self,
        rules: Mapping[str, Expression],
        kinds: Mapping[str, Kind],
        default_rule: str,
        creds: Creds,
        target: Target,
    ) -> None:
        self.rules = rules
        self.kinds = kinds
        self.default_rule = default_rule
        self.creds = creds
        self.target = target

    def rule(self, name: str) -> Reason:
        """The reason of a named rule, or of the default rule that stands in for it."""
        if name in self.rules:
            part = self.reason(self.rules[name])
            return Reason(part.holds, f"rule:{name}", (part,))
        if self.default_rule in self.rules:
            part = self.rule(self.default_rule)
            return Reason(part.holds, f"rule:{name} does not exist, {self.default_rule!r} stands in", (part,))
        return Reason(False, f"rule:{name} does not exist")

    def reason(self, expression: Expression) -> Reason:
        match expression:
            case Always(outcome):
                return Reason(outcome, "always" if outcome else "never")
            case Not(part):
                inner = self.reason(part)
                if inner.holds:
                    return Reason(False, f"not {part}", wanted=f"not to have {part}")
                return Reason(True, f"not {part}", (inner,))
            case All(parts):
                reasons = tuple(map(self.reason, parts))
                return Reason(all(reason.holds for reason in reasons), "all of", reasons)
            case Either(parts):
                reasons = tuple(map(self.reason, parts))
                return Reason(any(reason.holds for reason in reasons), "one of", reasons, either=True)
            case Term("rule", name):
                return self.rule(name)
            case Term():
                return self.term(expression)

    def term(self, term: Term) -> Reason:
        check = compile_expression(term, _no_rule, self.kinds)
        if check(self.creds, self.target):
            return Reason(True, str(term))
        return Reason(False, f"{term}: {self.shortfall(term)}", wanted=self.wanted(term))

    def wanted(self, term: Term) -> str:
        """What the caller would need for this term to hold; empty where nothing would do."""
        if term.kind in self.kinds:
            return str(term)
        if term.kind == "is_admin":
            return ""  # Only a service's own work is done as one.
        try:
            value = _short(render(term.match)(self.target))
        except KeyError:
            return ""
        if term.kind == "role":
            return f"the role {value}"
        if term.kind == "service_roles":
            return f"a service token with the role {value}"
        if literal(term.kind) is not None:
            return f"another target: {term}"
        if credential_path(term.kind) == ["system_scope"]:
            return "a token of system scope"
        whose = "that of the target" if "%(" in term.match else "as the rule says"
        held = " or ".join(map(_short, values_at(self.creds, credential_path(term.kind)))) or "None"
        return f"the {term.kind} {value}, {whose}; the caller's is {held}"

    def shortfall(self, term: Term) -> str:
        """What is, where the term wants something else."""
        if term.kind in self.kinds:
            return "does not hold for the target"
        try:
            wanted = render(term.match)(self.target)
        except KeyError as missing:
            return f"the target has no {missing.args[0]}"
        if term.kind == "role":
            return f"the caller's roles are {', '.join(self.creds.get('roles') or ()) or 'none'}"
        constant = literal(term.kind)
        held = values_at(self.creds, credential_path(term.kind)) if constant is None else [constant]
        return f"{' or '.join(repr(_short(one)) for one in held) or 'nothing'} is not {_short(wanted)!r}"


def _no_rule(name: str) -> Check:
    raise LookupError(f"a term names no rule: {name}")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
