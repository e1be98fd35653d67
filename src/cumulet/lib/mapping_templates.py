# SPDX-License-Identifier: Apache-2.0
"""The local side of a mapping's rule: texts in which `{0}`, `{1}`... stand for what was asserted.

Where upstream writes a list of values into a text and has Python read it again, a list stays a list here. Of
`str.format` nothing but the places is understood, and nothing that is read is ever run.
"""

import json
import re
import string
from collections.abc import Sequence
from typing import Any

from cumulet.lib.mapping_rules import project_problems

Values = list[str]
"""The values of one attribute."""


class MappingError(ValueError):
    """The assertion, or what a mapping makes of it, is nobody."""


_LISTS = ("groups", "group_ids")
_PLACE = re.compile(r"\{?(\d{1,6})\}?")


def filled(local: Any, values: Sequence[Values], version: str, key: str = "") -> Any:
    """What `local` says, with the values in their places."""
    if isinstance(local, dict):
        return {name: filled(part, values, version, name) for name, part in local.items()}
    if isinstance(local, list):
        return [filled(part, values, version) for part in local]
    if key == "projects_json" and version == "3.0":
        return _projects_of(local, values)
    if key in _LISTS:
        return _list(local, values)
    return _text(local, values)


def _text(template: str, values: Sequence[Values]) -> str:
    """The template with its `{n}` replaced; several values read as Python writes a list.

    Of `str.format` nothing else is understood: no attribute, no item, no conversion.
    """
    parts: list[str] = []
    count = 0
    try:
        for before, name, spec, conversion in string.Formatter().parse(template):
            parts.append(before)
            if name is None:
                continue
            if spec or conversion or not (name == "" or (name.isascii() and name.isdigit())):
                raise MappingError(_no_match(template))
            found = _value(values, int(name) if name else count, template)
            parts.append(found[0] if len(found) == 1 else str(found))
            count += 1
    except ValueError as error:
        raise error if isinstance(error, MappingError) else MappingError(_no_match(template)) from None
    return "".join(parts)


def _list(template: str, values: Sequence[Values]) -> Values:
    """The values themselves for a template that is one place, its own list or text for another."""
    place = re.fullmatch(r"\{(\d{1,6})\}", template)
    if place:
        found = _value(values, int(place[1]), template)
        return found if len(found) != 1 else read_list(found[0])
    return read_list(_text(template, values))


def _value(values: Sequence[Values], index: int, template: str) -> Values:
    if index >= len(values):
        raise MappingError(_no_match(template))
    return values[index]


def _no_match(template: str) -> str:
    return (
        f"The local side of the mapping says {template!r}, which stands for no attribute of the remote side."
    )


_STRING = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def read_list(text: str) -> Values:
    """The items of a list of quoted texts, as Python and JSON write it; the text itself if it is none."""
    inner = text.strip()
    if not (inner.startswith("[") and inner.endswith("]")):
        return [text]
    inner = inner[1:-1]
    found: Values = []
    at = 0
    while at < len(inner) and inner[at:].strip():
        item = _STRING.match(inner, at)
        if item is None:
            return [text]
        found.append(_ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), item[1] or item[2] or ""))
        at = item.end()
        if at < len(inner):
            if inner[at] != ",":
                return [text]
            at += 1
    return found


def _projects_of(template: str, values: Sequence[Values]) -> list[dict[str, Any]]:
    """The projects that an attribute lists as JSON."""
    place = _PLACE.match(template)
    if place is None:
        raise MappingError(_no_match(template))
    try:
        projects = json.loads(";".join(_value(values, int(place[1]), template)))
    except (json.JSONDecodeError, RecursionError):
        raise MappingError("The projects that were asserted are no JSON.") from None
    if problems := project_problems(projects):
        raise MappingError("\n".join(problems))
    found: list[dict[str, Any]] = projects
    return found
