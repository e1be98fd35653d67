# SPDX-License-Identifier: Apache-2.0
"""The schemas of answers: those of declared resources, and words for what is made by hand.

SERVICE = keys(id=int, binary=str, status=Literal["enabled", "disabled"], disabled_reason=since("2.5", str))

@route("GET", "/os-services", answer=keys(services=array(SERVICE)))
@route("POST", "/users/{user_id}/keys", status=201, answer=one(Key, secret=str))

A part is a Python type, a resource for one of its items, a JSON schema as it is, or what another word gives.
Nothing is made of it before a document is asked for.
"""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel.resource.declaration import Resource
from cumulet.kernel.resource.fields import Field
from cumulet.kernel.versions import ALWAYS, EVER, microversion
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.http.wire import WireProfile

Shape = dict[str, Any]
Part = Any
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}


@dataclass(frozen=True)
class _Sometimes:
    """A key that some microversions have, or that may be missing."""

    part: Part
    first: int = ALWAYS
    last: int = EVER
    required: bool = True


@dataclass(frozen=True)
class At:
    """What a shape depends on: the microversion, and the letter of the API."""

    version: int
    wire: "WireProfile"


Answer = Callable[[At], Shape]


def shape(part: Part, at: At) -> Shape:
    """The schema of a part."""
    if isinstance(part, Mapping):
        return dict(part)
    if isinstance(part, types.FunctionType):
        made: Shape = part(at)
        return made
    return _typed(part, at)


def told(part: Part, at: At) -> Shape | None:
    """The schema of a whole answer, None in versions in which it has no body."""
    whole = _sometimes(part)
    if whole.part is None or not whole.first <= at.version <= whole.last:
        return None
    return shape(whole.part, at)


# -- resources ------------------------------------------------------------------------------------------


def one(cls: type[Resource], **beside: Part) -> Answer:
    """One item in its envelope; what stands `beside` its fields is always there."""
    return lambda at: enveloped(cls, item(cls, at, beside=beside))


def bare(cls: type[Resource], *, brief: bool = False, **beside: Part) -> Answer:
    """One item without its envelope."""
    return lambda at: item(cls, at, brief=brief, beside=beside)


def page(cls: type[Resource], *, brief: bool = False, **beside: Part) -> Answer:
    """A list of items, and what stands `beside` it; links to other pages may."""

    def made(at: At) -> Shape:
        member = item(cls, at, brief=brief)
        items = enveloped(cls, member) if cls.envelop_items else member
        return shape(keys({cls.plural: array(items), **at.wire.page_keys(cls), **beside}), at)

    return made


def several(cls: type[Resource]) -> Answer:
    """Items that are no page of a list."""
    return keys({cls.plural: array(bare(cls))})


def enveloped(cls: type[Resource], inner: Shape) -> Shape:
    return _object({cls.member: inner}, [cls.member]) if cls.member else inner


def item(
    cls: type[Resource], at: At, *, brief: bool = False, beside: Mapping[str, Part] | None = None
) -> Shape:
    """One item without its envelope. What rules hide, or views may leave out, is not required.

    Links and what callers have made up stand beside the fields.
    """
    shown = [
        spec
        for spec in cls.fields.values()
        if spec.shown_in(at.version) and (spec.brief or not brief) and not spec.spread
    ]
    always = [s.on_wire for s in shown if s.stored and not s.rule and s.view is None and s.load is None]
    fields = {spec.on_wire: _value(spec, at) for spec in shown}
    spread: dict[Any, Part] = {...: Any} if any(spec.spread for spec in cls.fields.values()) else {}
    extra = keys({**at.wire.item_keys(cls), **spread, **(beside or {})})(at)
    return {
        "title": cls.__name__,
        **extra,
        "properties": {**fields, **extra["properties"]},
        "required": list(dict.fromkeys([*always, *extra["required"]])),
    }


def _object(parts: Mapping[str, Shape], required: list[str]) -> Shape:
    return {"type": "object", "properties": dict(parts), "required": required}


def _value(spec: Field, at: At) -> Shape:
    found = _typed(spec.type, at) if spec.shape is None else shape(spec.shape, at)
    # What is made for the answer may be null where there is nothing to make it of.
    made = spec.view is not None or spec.load is not None
    return _or_null(found) if made or spec.nullable or spec.type is Timestamp else found


# -- words ----------------------------------------------------------------------------------------------


def keys(parts: Mapping[Any, Part] | None = None, /, **named: Part) -> Answer:
    """An object that has these keys, in the microversions in which it has them; `...` are any others."""

    def made(at: At) -> Shape:
        known = {name: _sometimes(part) for name, part in {**(parts or {}), **named}.items()}
        others = {"additionalProperties": shape(known.pop(...).part, at)} if ... in known else {}
        there = {name: key for name, key in known.items() if key.first <= at.version <= key.last}
        required = [name for name, key in there.items() if key.required]
        return {**_object({name: shape(key.part, at) for name, key in there.items()}, required), **others}

    return made


def _sometimes(part: Part) -> _Sometimes:
    return part if isinstance(part, _Sometimes) else _Sometimes(part)


def since(version: str, part: Part, *, until: str = "") -> Part:
    """A key that stands there from this microversion on."""
    inner, last = _sometimes(part), microversion(until) if until else EVER
    return _Sometimes(inner.part, microversion(version), last, inner.required)


def until(version: str, part: Part) -> Part:
    """A key that stands there up to this microversion."""
    inner = _sometimes(part)
    return _Sometimes(inner.part, inner.first, microversion(version), inner.required)


def maybe(part: Part) -> Part:
    """A key that may be missing."""
    inner = _sometimes(part)
    return _Sometimes(inner.part, inner.first, inner.last, required=False)


def array(part: Part) -> Answer:
    return lambda at: {"type": "array", "items": shape(part, at)}


def mapping(part: Part) -> Answer:
    """An object of any keys, all of whose values are such."""
    return lambda at: {"type": "object", "additionalProperties": shape(part, at)}


def nullable(part: Part) -> Answer:
    return lambda at: _or_null(shape(part, at))


def either(*parts: Part) -> Answer:
    return lambda at: {"anyOf": [shape(part, at) for part in parts]}


def by_version(parts: Mapping[str, Part]) -> Answer:
    """What an answer is, each by the first microversion in which it is that."""

    def made(at: At) -> Shape:
        return shape([part for first, part in parts.items() if microversion(first) <= at.version][-1], at)

    return made


def _or_null(found: Shape) -> Shape:
    if found.get("type") == "null":
        return found
    if "enum" in found:
        return {**found, "enum": [*found["enum"], None]}
    if "type" in found:
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]} if found else found


LINKS = array(keys(rel=str, href=str, type=maybe(str)))


# -- types ----------------------------------------------------------------------------------------------


def _typed(kind: Any, at: At) -> Shape:
    """The schema of a Python type's JSON values; of types that it has none for, anything."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Timestamp:
        return {"type": "string"}
    if kind is None:
        return {"type": "null"}
    if isinstance(kind, type) and issubclass(kind, Resource):
        return item(kind, at)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        parts = [_typed(part, at) for part in arguments if part is not type(None)]
        whole = parts[0] if len(parts) == 1 else {} if {} in parts else {"anyOf": parts}
        return _or_null(whole) if len(parts) < len(arguments) else whole
    name = _NAMES.get(origin or kind)
    if name == "array" and arguments:
        return {"type": name, "items": _typed(arguments[0], at)}
    if name == "object" and arguments and (value := _typed(arguments[1], at)):
        return {"type": name, "additionalProperties": value}
    return {"type": name} if name else {}
