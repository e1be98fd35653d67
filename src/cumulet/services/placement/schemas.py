# SPDX-License-Identifier: Apache-2.0
"""Pieces of schemas that several resources share."""

from typing import Any

Json = dict[str, Any]

UUID_KEY = "^[0-9a-fA-F-]{36}$"
CLASS_KEY = "^[A-Z0-9_]+$"
CUSTOM_NAME = "^CUSTOM_[A-Z0-9_]+$"
BIGGEST = 2**31 - 1

STRING: Json = {"type": "string"}
UUID: Json = {"type": "string", "format": "uuid"}
INTEGER: Json = {"type": "integer"}
ID: Json = {"type": "string", "minLength": 1, "maxLength": 255}
CONSUMER_TYPE: Json = {"type": "string", "pattern": CLASS_KEY, "minLength": 1, "maxLength": 255}
GENERATION: Json = {"resource_provider_generation": INTEGER}


def obj(properties: Json, *required: str, **rules: Any) -> Json:
    """An object with these properties and no others."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False, **rules}


def mapping(pattern: str, values: Json, **rules: Any) -> Json:
    """An object whose keys are of this form, with one kind of values."""
    return {"type": "object", **rules, "patternProperties": {pattern: values}, "additionalProperties": False}


INVENTORY: Json = {
    **GENERATION,
    "total": {"type": "integer", "maximum": BIGGEST, "minimum": 1},
    "reserved": {"type": "integer", "maximum": BIGGEST, "minimum": 0},
    "min_unit": {"type": "integer", "maximum": BIGGEST, "minimum": 1},
    "max_unit": {"type": "integer", "maximum": BIGGEST, "minimum": 1},
    "step_size": {"type": "integer", "maximum": BIGGEST, "minimum": 1},
    "allocation_ratio": {"type": "number", "minimum": -3.40282e38, "maximum": 3.40282e38},
}
INVENTORIES: Json = {"type": "object", "patternProperties": {CLASS_KEY: obj(INVENTORY, "total")}}
ALL_INVENTORIES = obj(
    {**GENERATION, "inventories": INVENTORIES}, "resource_provider_generation", "inventories"
)

RESOURCES = mapping(CLASS_KEY, {"type": "integer", "minimum": 1}, minProperties=1)
BY_PROVIDER = mapping(UUID_KEY, obj({"generation": INTEGER, "resources": RESOURCES}, "resources"))
MAPPINGS: Json = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {"[a-zA-Z0-9_-]{1,64}": {"type": "array", "minItems": 1, "items": UUID}},
}


def allocations(version: str, *, empty: bool) -> Json:
    """What one consumer holds, as microversions from this one on write it."""
    from cumulet.kernel.versions import microversion

    at = microversion(version)
    properties: Json = {
        "allocations": {**BY_PROVIDER, "minProperties": 0 if empty else 1},
        "project_id": ID,
        "user_id": ID,
    }
    if at >= microversion("1.28"):
        properties["consumer_generation"] = {"type": ["integer", "null"]}
    required = list(properties)
    if at >= microversion("1.34"):
        properties["mappings"] = MAPPINGS
    if at >= microversion("1.38"):
        properties["consumer_type"] = CONSUMER_TYPE
        required.append("consumer_type")
    return obj(properties, *required)


def by_consumer(version: str, **rules: Any) -> Json:
    """What several consumers hold."""
    return mapping(UUID_KEY, allocations(version, empty=True), **rules)
