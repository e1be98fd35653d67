# SPDX-License-Identifier: Apache-2.0
"""Whether the aggregates of a host say what a flavor asks of them by `aggregate_instance_extra_specs:KEY`.

The operators are those of nova/scheduler/filters/extra_specs_ops.py: a requirement that begins with none of
them is the wanted value itself. Keys without that scope mean something to the host or to nobody.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

SCOPE = "aggregate_instance_extra_specs:"


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def met(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return met


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": _numbers(operator.ge),
    "==": _numbers(operator.eq),
    "!=": _numbers(operator.ne),
    ">=": _numbers(operator.ge),
    "<=": _numbers(operator.le),
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": lambda value, wanted: wanted in value,
}


def meets(value: str, requirement: str) -> bool:
    """Whether a value is what a requirement asks for."""
    words = requirement.split()
    if not words or words[0] not in (*_OPERATORS, "<or>", "<all-in>"):
        return value == requirement
    if words[0] == "<or>":
        return value in words[1::2]
    if words[0] == "<all-in>":
        return len(words) > 1 and all(word in value for word in words[1:])
    return len(words) > 1 and _OPERATORS[words[0]](value, words[1])


def asked_of_aggregates(extra_specs: Mapping[str, Any]) -> dict[str, str]:
    """What a flavor asks of the aggregates of its servers' hosts."""
    return {
        key.removeprefix(SCOPE): str(value) for key, value in extra_specs.items() if key.startswith(SCOPE)
    }


def unmet(asked: Mapping[str, str], words: Mapping[str, set[str]]) -> str:
    """The first thing that is asked for and not said of the host; empty when there is none."""
    for key, requirement in asked.items():
        if not any(meets(value, requirement) for value in words.get(key, ())):
            return f"{key} {requirement}"
    return ""
