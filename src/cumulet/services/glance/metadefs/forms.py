# SPDX-License-Identifier: Apache-2.0
"""What metadata definitions look like: one form for each kind, in bodies, in answers, and in /v2/schemas."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cumulet.kernel.errors import BadRequest, Forbidden, Invalid
from cumulet.kernel.resource.schema import compile_schema

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "maxLength": 80}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_WORDS: Schema = {"type": "array", "items": _TEXT, "uniqueItems": True}
_KINDS: Schema = {"type": "string", "enum": ["array", "boolean", "integer", "number", "object", "string"]}
_FLAG: Schema = {"type": "boolean"}
_MADE = {
    name: {"type": "string", "format": "date-time", "readOnly": True, "description": said}
    for name, said in (("created_at", "When it was made"), ("updated_at", "When it was last changed"))
}
_LINKS = {"self": {"type": "string", "readOnly": True}, "schema": {"type": "string", "readOnly": True}}


@dataclass(frozen=True, eq=False)
class Form:
    """A kind of definitions: its fields, and those that must be given."""

    name: str
    fields: Mapping[str, Any]
    required: tuple[str, ...]

    @property
    def published(self) -> Schema:
        """What clients read below /v2/schemas."""
        return {
            "name": self.name,
            "properties": dict(self.fields),
            "additionalProperties": False,
            "required": list(self.required),
        }

    @property
    def shape(self) -> Schema:
        """The same as a JSON schema alone."""
        return {"type": "object", "properties": dict(self.fields), "required": list(self.required)}

    def told(self, version: int) -> Schema:
        """What a body may hold."""
        found: Schema = closed({**self.shape, "properties": self.given(self.fields)})
        return found

    def given(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What of a body, or of the fields, is for clients to say."""
        return {name: value for name, value in body.items() if not self.fields[name].get("readOnly")}

    @cached_property
    def _validator(self) -> Any:
        return compile_schema(self.told(0))

    def parse(self, body: Any) -> dict[str, Any]:
        """The body, if it is such a definition. Raises BadRequest, Forbidden."""
        if body is None:
            raise BadRequest("Body expected in request.")
        if isinstance(body, dict):
            for name in body.keys() & self.fields.keys() - self.given(self.fields).keys():
                raise Forbidden(f"Attribute '{name}' is read-only.")
        for error in self._validator.iter_errors(body):
            where = ".".join(str(part) for part in error.instance_path)
            place = f" (at '{where}')" if where else ""
            message = str(error.message).replace('"', "'")
            raise Invalid(f"Provided object does not match schema '{self.name}': {message}{place}")
        found: dict[str, Any] = body
        return found


def closed(schema: Any) -> Any:
    """The schema with no other keys in any of its objects than those that it tells of."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    if found.get("type") == "object" and "properties" in found:
        found["additionalProperties"] = False
    return found


_DEFINITION: dict[str, Schema] = {
    "name": _NAME,
    "title": _TEXT,
    "description": _TEXT,
    "operators": {"type": "array", "items": _TEXT},
    "type": _KINDS,
    "required": _WORDS,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _COUNT,
    "minLength": _COUNT,
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": _FLAG,
    "default": {},
    "items": {"type": "object", "properties": {"type": _KINDS, "enum": {"type": "array"}}},
    "maxItems": _COUNT,
    "minItems": _COUNT,
    "uniqueItems": _FLAG,
    "additionalItems": _FLAG,
}
PROPERTY = Form("property", _DEFINITION, ("type", "title", "name"))
NAMED_PROPERTY = Form("property", _DEFINITION, ("type", "title"))
"""A property as the value of its name."""
PROPERTIES: Schema = {
    "type": "object",
    "propertyNames": _NAME,
    "additionalProperties": NAMED_PROPERTY.shape,
}

OBJECT = Form(
    "object",
    {
        "name": _NAME,
        "description": _TEXT,
        "required": _WORDS,
        "properties": PROPERTIES,
        **_LINKS,
        **_MADE,
    },
    ("name",),
)

TAG = Form("tag", {"name": _NAME, **_MADE}, ("name",))

ASSOCIATION = Form(
    "resource_type_association",
    {
        "name": {**_NAME, "description": "The type of resources, named as Heat names it"},
        "prefix": {**_NAME, "description": "What stands before the names of properties on such resources"},
        "properties_target": {
            **_NAME,
            "description": "Which metadata is meant, of resources that have several kinds",
        },
        **_MADE,
    },
    ("name",),
)


def _each(form: Form) -> Schema:
    return {"type": "array", "items": form.shape}


TAGS = Form("tags", {"tags": _each(Form("tag", {"name": _NAME}, ("name",)))}, ())
NAMESPACE = Form(
    "namespace",
    {
        "namespace": {**_NAME, "description": "The name, which no other namespace has"},
        "display_name": {**_NAME, "description": "What people call the namespace"},
        "description": {"type": "string", "maxLength": 500, "description": "What the namespace is for"},
        "visibility": {"type": "string", "enum": ["public", "private"], "description": "Who sees it"},
        "protected": {"type": "boolean", "description": "Whether it is safe from being deleted"},
        "owner": {"type": "string", "maxLength": 255, "description": "The project that it belongs to"},
        "resource_type_associations": _each(ASSOCIATION),
        "properties": PROPERTIES,
        "objects": _each(OBJECT),
        "tags": _each(TAG),
        **_LINKS,
        **_MADE,
    },
    ("namespace",),
)
