# SPDX-License-Identifier: Apache-2.0
"""JSON schemas from declarations, and bodies checked against them.

A schema is derived for each verb and microversion from the fields that may be set there, compiled when it is
first needed, and kept. What it accepts is turned into a mapping from field name to Python value.
"""

import math
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from cumulet.kernel.errors import BadRequest, Invalid
from cumulet.kernel.http.messages import LEAST, MOST, as_flag
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.fields import Field
from cumulet.lib.memo import memo

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource

_JSON_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    tuple: "array",
}
_LOOSE_FLAG = [
    "True",
    "true",
    "TRUE",
    "False",
    "false",
    "FALSE",
    "1",
    "0",
    "t",
    "f",
    "on",
    "off",
    "yes",
    "no",
    "ON",
    "OFF",
    "YES",
    "NO",
]
_FORMATS = {"uuid": is_uuid}
_DIGITS = 1000
"""Longer numbers are not even read."""


def field_schema(spec: Field, *, loose: bool) -> Mapping[str, Any]:
    """The JSON schema of one field."""
    if spec.schema is not None:
        return spec.schema
    kind = typing.get_origin(spec.type) or spec.type
    if kind is bool and loose:
        flag: dict[str, Any] = {"enum": [True, False, 1, 0, *_LOOSE_FLAG, *([None] if spec.nullable else [])]}
        return flag
    name = _JSON_TYPES.get(kind, "string")
    types = [name, *(["string"] if loose and name in ("integer", "number") else [])]
    schema: dict[str, Any] = {
        "type": [*types, "null"] if spec.nullable else types if len(types) > 1 else name
    }
    if name == "string":
        bounds = {"minLength": spec.min, "maxLength": spec.max}
    else:
        low, high = (LEAST, MOST) if name == "integer" else (None, None)
        bounds = {
            "minimum": low if spec.min is None else spec.min,
            "maximum": high if spec.max is None else spec.max,
        }
        if len(types) > 1:
            schema["pattern"] = "^-?[0-9]+$" if name == "integer" else r"^-?[0-9]+(\.[0-9]+)?$"
    schema |= {word: bound for word, bound in bounds.items() if bound is not None}
    if spec.pattern:
        schema["pattern"] = spec.pattern
    if spec.format:
        schema["format"] = spec.format
    if spec.one_of:
        return {"enum": [*spec.one_of, *([None] if spec.nullable else [])]}
    return schema


def body_schema(
    cls: "type[Resource]", verb: str, version: int, wire: "WireProfile", *, checking: bool = False
) -> dict[str, Any]:
    """The schema of a create or update body, envelope included.

    In the one for `checking`, fields that convert their values take anything.
    """
    can = [spec for spec in cls.fields.values() if spec.settable(verb, version)]
    inner: dict[str, Any] = {
        "type": "object",
        "properties": {
            spec.on_wire: {} if checking and spec.convert else field_schema(spec, loose=wire.loose)
            for spec in can
        },
        "additionalProperties": wire.extra_keys == "allow",
    }
    if verb == "create" and (required := [spec.on_wire for spec in can if spec.required]):
        inner["required"] = required
    if not cls.member:
        return inner
    return {
        "type": "object",
        "properties": {cls.member: inner},
        "required": [cls.member],
        "additionalProperties": wire.extra_keys == "allow",
    }


@memo
def _validator(cls: "type[Resource]", verb: str, version: int, wire_key: "_Wire") -> Any:
    return compile_schema(body_schema(cls, verb, version, wire_key.wire, checking=True))


class _Wire:
    """A wire profile as part of a cache key: profiles hold mappings, so identity stands for equality."""

    __slots__ = ("wire",)

    def __init__(self, wire: "WireProfile") -> None:
        self.wire = wire

    def __hash__(self) -> int:
        return id(self.wire)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wire) and other.wire is self.wire


def compile_schema(schema: Mapping[str, Any]) -> Any:
    """A validator with our formats; cheap to call, some milliseconds to make."""
    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, formats=_FORMATS)


def check(validator: Any, body: Any, wire: "WireProfile") -> None:
    """Raise Invalid with the family's sentence for the first thing that is wrong."""
    for error in validator.iter_errors(body):
        path = [str(part) for part in error.instance_path]
        message = str(error.message).replace('"', "'")
        value = error.instance
        raise Invalid(wire.invalid(".".join(path), value, message) if path else message)


class Checked:
    """A schema for bodies that no declaration describes, or a function from the microversion to one.

    Called with a body, it gives the body back or refuses it. The validator of a microversion is compiled when
    its first request comes.
    """

    def __init__(self, made: Mapping[str, Any] | Callable[[int], Mapping[str, Any]]) -> None:
        self._made = made
        self._validators: dict[int, Any] = {}

    def at(self, version: int) -> Mapping[str, Any]:
        return self._made(version) if callable(self._made) else self._made

    def __call__(self, ctx: "Context", body: Any) -> dict[str, Any]:
        version = ctx.version if callable(self._made) else 0
        validator = self._validators.get(version)
        if validator is None:
            validator = self._validators[version] = compile_schema(self.at(version))
        if not isinstance(body, dict):
            raise BadRequest("The request body must be a JSON object.")
        check(validator, body, ctx.service.api.wire)
        return body


def parse(cls: "type[Resource]", verb: str, body: Any, version: int, wire: "WireProfile") -> dict[str, Any]:
    """The values that a create or update body sets, by field name. Raises Invalid, BadRequest."""
    if wire.prepare is not None:
        body = wire.prepare(cls, verb, body)
    body = cls.prepare(verb, body, version)
    if not isinstance(body, dict):
        raise BadRequest("The request body must be a JSON object.")
    check(_validator(cls, verb, version, _Wire(wire)), body, wire)
    values = body[cls.member] if cls.member else body
    found: dict[str, Any] = {}
    for spec in cls.fields.values():
        if spec.on_wire in values and spec.settable(verb, version):
            value = values[spec.on_wire]
            if spec.convert is not None:
                value = _converted(spec, value, wire)
            found[spec.name] = _native(spec, value) if wire.loose else value
    return found


def _converted(spec: Field, value: Any, wire: "WireProfile") -> Any:
    assert spec.convert is not None
    try:
        return spec.convert(value)
    except ValueError as error:
        raise Invalid(wire.invalid(spec.on_wire, value, str(error))) from None


def _native(spec: Field, value: Any) -> Any:
    """A loosely written value as its field's type."""
    if value is None or spec.schema is not None or spec.convert is not None:
        return value
    if spec.type is bool:
        return as_flag(value)
    if spec.type is int and isinstance(value, str):
        low, high = LEAST if spec.min is None else spec.min, MOST if spec.max is None else spec.max
        if len(value) > _DIGITS or not low <= int(value) <= high:
            raise Invalid(f"Invalid input for {spec.on_wire}: {value} is out of range.")
        return int(value)
    if spec.type is float and isinstance(value, str):
        if math.isinf(number := float(value)):
            raise Invalid(f"Invalid input for {spec.on_wire}: {value[:40]}... is out of range.")
        return number
    return value
