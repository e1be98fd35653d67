# SPDX-License-Identifier: Apache-2.0
"""The schemas of answers, from the same declarations that render them."""

import types
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cumulet.kernel.resource.fields import Field
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.resource.declaration import Resource

Shape = dict[str, Any]
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}


def one(cls: "type[Resource]") -> Callable[[int], Shape]:
    """The answer that shows one item, by microversion."""
    return lambda version: enveloped(cls, item(cls, version))


def page(cls: "type[Resource]", *, brief: bool) -> Callable[[int], Shape]:
    """The answer that lists items, by microversion."""

    def shape(version: int) -> Shape:
        member = item(cls, version, brief=brief)
        items = enveloped(cls, member) if cls.envelop_items else member
        return _object({cls.plural: {"type": "array", "items": items}})

    return shape


def enveloped(cls: "type[Resource]", inner: Shape) -> Shape:
    return _object({cls.member: inner}) if cls.member else inner


def _object(parts: Mapping[str, Shape]) -> Shape:
    return {"type": "object", "properties": dict(parts), "required": list(parts)}


def item(cls: "type[Resource]", version: int, *, brief: bool = False) -> Shape:
    """One item without its envelope. What rules hide, or views may leave out, is not required.

    Links and what callers have made up stand beside the fields.
    """
    shown = [
        spec
        for spec in cls.fields.values()
        if spec.shown_in(version) and (spec.brief or not brief) and not spec.spread
    ]
    always = [s.on_wire for s in shown if s.stored and not s.rule and s.view is None and s.load is None]
    return {
        "title": cls.__name__,
        "type": "object",
        "properties": {spec.on_wire: _value(spec) for spec in shown},
        "required": always,
    }


def _value(spec: Field) -> Shape:
    if spec.view is not None or spec.load is not None:
        # What is made for the answer may be null where there is nothing to make it of.
        return _nullable(_typed(spec.type))
    return _nullable(_typed(spec.type)) if spec.nullable or spec.type is Timestamp else _typed(spec.type)


def _nullable(shape: Shape) -> Shape:
    if "enum" in shape:
        return {"enum": [*shape["enum"], None]}
    return {**shape, "type": [shape["type"], "null"]} if "type" in shape else shape


def _typed(kind: Any) -> Shape:
    """The schema of a Python type's JSON values; of types that it has none for, anything."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Timestamp:
        return {"type": "string"}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        parts = [_typed(part) for part in arguments if part is not type(None)]
        return _nullable(parts[0]) if len(parts) == 1 and len(arguments) == 2 else {}
    name = _NAMES.get(origin or kind)
    if name == "array" and arguments:
        return {"type": name, "items": _typed(arguments[0])}
    return {"type": name} if name else {}
