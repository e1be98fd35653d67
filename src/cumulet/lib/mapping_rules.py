# SPDX-License-Identifier: Apache-2.0
"""What the rules of an attribute mapping must look like, in each version of their schema."""

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import regex

DEFAULT_VERSION = "1.0"
VERSIONS = ("1.0", "2.0", "3.0")

_TEXT = {"type": "string"}


def _exactly(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object with these keys and no other."""
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


_DOMAIN = _exactly(id=_TEXT, name=_TEXT)
_ROLES = {"type": "array", "items": _exactly(("name",), name=_TEXT)}
_USER = _exactly(
    id=_TEXT, name=_TEXT, email=_TEXT, domain=_DOMAIN, type={"type": "string", "enum": ["ephemeral", "local"]}
)
_GROUP = {
    "type": "object",
    "oneOf": [_exactly(("id",), id=_TEXT), _exactly(("name", "domain"), name=_TEXT, domain=_DOMAIN)],
}
CONDITIONS = ("any_one_of", "not_any_of", "blacklist", "whitelist")
_REMOTE = {
    "type": "object",
    "oneOf": [
        _exactly(("type",), type=_TEXT),
        *(
            _exactly(("type", word), type=_TEXT, regex={"type": "boolean"}, **{word: {"type": "array"}})
            for word in CONDITIONS
        ),
    ],
}


def _projects(*, with_domain: bool) -> dict[str, Any]:
    more = {"domain": _DOMAIN} if with_domain else {}
    return {"type": "array", "items": _exactly(("name", "roles"), name=_TEXT, roles=_ROLES, **more)}


PROJECTS = _projects(with_domain=True)


def _schema(version: str) -> dict[str, Any]:
    local = _exactly(
        user=_USER,
        projects=_projects(with_domain=version != "1.0"),
        group=_GROUP,
        groups=_TEXT,
        group_ids=_TEXT,
        domain=_DOMAIN,
    )
    if version == "3.0":
        local["properties"]["projects_json"] = _TEXT
    rule = _exactly(
        ("local", "remote"),
        local={"type": "array", "items": local},
        remote={"type": "array", "minItems": 1, "items": _REMOTE},
    )
    return {
        "type": "object",
        "required": ["rules"],
        "properties": {"rules": {"type": "array", "minItems": 1, "items": rule}, "schema_version": _TEXT},
    }


@cache
def schema(version: str) -> dict[str, Any]:
    """The JSON schema of a mapping; not to be changed."""
    return _schema(version)


@cache
def _validator(version: str) -> Any:
    return jsonschema_rs.Draft202012Validator(copy.deepcopy(schema(version)))


@cache
def _projects_validator() -> Any:
    return jsonschema_rs.Draft202012Validator(PROJECTS)


def problems(mapping: Mapping[str, Any], version: str) -> list[str]:
    """A sentence for each thing that is wrong with a mapping; none if it can be used."""
    if version not in VERSIONS:
        return [f"There is no schema version {version!r}: it is one of {', '.join(VERSIONS)}."]
    found = sorted(_sentences(_validator(version), mapping))
    return found or list(_unusable_expressions(mapping["rules"]))


def project_problems(projects: Any) -> list[str]:
    """The same for projects that an identity provider lists as JSON."""
    return sorted(_sentences(_projects_validator(), projects))


def _sentences(validator: Any, value: Any) -> Iterator[str]:
    return (str(error.message).replace('"', "'") for error in validator.iter_errors(value))


def _unusable_expressions(rules: Any) -> Iterator[str]:
    for rule in rules:
        for remote in rule["remote"]:
            if remote.get("regex"):
                for word in CONDITIONS:
                    yield from (_complaint(text) for text in remote.get(word, ()) if not _compiles(text))


def _compiles(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(regex.compile(text))
    except (regex.error, RecursionError, OverflowError):
        return False


def _complaint(text: Any) -> str:
    return f"{text!r} is not a regular expression."
