# SPDX-License-Identifier: Apache-2.0
"""Upstream's words for what breaks a schema, which clients and their tests match on.

They are those of Python's `jsonschema`: a sentence, then the part of the schema and of the instance that do
not go together.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pprint import pformat
from textwrap import indent
from typing import Any


def complaint(schema: Any, value: Any, errors: Sequence[Any]) -> str:
    """What is wrong first: nearest to the top, and of several there, by the schema's first word."""
    worst = min(errors, key=lambda error: (len(error.instance_path), _place(schema, error.schema_path)))
    *place, word = worst.schema_path
    part, instance = _at(schema, place), _at(value, worst.instance_path)
    say = _WORDS.get(word)
    message = say(part, part[word], instance) if say else str(worst.message).replace('"', "'")
    return (
        f"{message}\n\nFailed validating {word!r} in schema{_indexed(place)}:\n{_shown(part)}\n\n"
        f"On instance{_indexed(worst.instance_path)}:\n{_shown(instance)}"
    )


def _place(schema: Mapping[str, Any], path: Sequence[Any]) -> int:
    return list(schema).index(path[0]) if path else 0


def _at(thing: Any, path: Sequence[Any]) -> Any:
    for step in path:
        thing = thing[step]
    return thing


def _indexed(path: Sequence[Any]) -> str:
    return "".join(f"[{step!r}]" for step in path)


def _shown(thing: Any) -> str:
    return indent(pformat(thing, width=72, sort_dicts=False), "    ")


def _unexpected(part: Mapping[str, Any], allowed: Any, instance: Mapping[str, Any]) -> str:
    patterns = list(part.get("patternProperties", ()))
    known = part.get("properties", {})
    extra = [name for name in instance if name not in known and not any(re.search(p, name) for p in patterns)]
    names = ", ".join(map(repr, extra))
    if patterns:
        known_forms = ", ".join(map(repr, sorted(patterns)))
        return f"{names} {'does' if len(extra) == 1 else 'do'} not match any of the regexes: {known_forms}"
    return (
        f"Additional properties are not allowed ({names} {'was' if len(extra) == 1 else 'were'} unexpected)"
    )


def _missing(part: Mapping[str, Any], required: Sequence[str], instance: Mapping[str, Any]) -> str:
    return f"{next(name for name in required if name not in instance)!r} is a required property"


def _mistyped(part: Mapping[str, Any], types: str | Sequence[str], instance: Any) -> str:
    names = [types] if isinstance(types, str) else types
    return f"{instance!r} is not of type {', '.join(map(repr, names))}"


_WORDS: dict[str, Callable[[Any, Any, Any], str]] = {
    "additionalProperties": _unexpected,
    "required": _missing,
    "type": _mistyped,
    "pattern": lambda part, pattern, it: f"{it!r} does not match {pattern!r}",
    "format": lambda part, form, it: f"{it!r} is not a {form!r}",
    "minimum": lambda part, least, it: f"{it!r} is less than the minimum of {least!r}",
    "maximum": lambda part, most, it: f"{it!r} is greater than the maximum of {most!r}",
    "enum": lambda part, choices, it: f"{it!r} is not one of {choices!r}",
    "anyOf": lambda part, choices, it: f"{it!r} is not valid under any of the given schemas",
    "maxLength": lambda part, most, it: f"{it!r} is too long",
    "minLength": lambda part, least, it: f"{it!r} should be non-empty",
    "minItems": lambda part, least, it: f"{it!r} should be non-empty",
    "minProperties": lambda part, least, it: f"{it!r} should be non-empty",
    "uniqueItems": lambda part, wanted, it: f"{it!r} has non-unique elements",
}
