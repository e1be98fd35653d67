# SPDX-License-Identifier: Apache-2.0
"""The little language in which extra specs require things of capabilities: `<is> True`, `>= 3`, `s!= a`."""

import operator
from collections.abc import Callable
from typing import Any

_TRUE = ("1", "t", "true", "on", "y", "yes")
_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def meets(value: Any, requirement: str | None) -> bool:
    """Whether a value is what is required; without an operator it has to be this very text."""
    if requirement is None:
        return value is None
    word, _, rest = requirement.strip().partition(" ")
    wanted = rest.split()
    if word == "<or>":
        return value in wanted[::2]
    if word not in {"<in>", "<is>", *_NUMBERS, *_TEXTS}:
        return bool(value == requirement)
    if value is None or not wanted:
        return False
    if word == "<in>":
        return wanted[0] in str(value)
    if word == "<is>":
        return _truth(value) is _truth(wanted[0])
    if word in _TEXTS:
        return _TEXTS[word](str(value), wanted[0])
    try:
        return _NUMBERS[word](float(value), float(wanted[0]))
    except ValueError:
        return False


def _truth(value: Any) -> bool:
    return str(value).strip().lower() in _TRUE
