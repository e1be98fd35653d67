# SPDX-License-Identifier: Apache-2.0
"""The body of a request for a token, checked and taken apart."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.errors import Unauthorized
from cumulet.kernel.resource import schema
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.wire import WIRE

_TEXT = {"type": "string"}
_DOMAIN = {"type": "object", "properties": {"id": _TEXT, "name": _TEXT}}
_USER = {
    "type": "object",
    "properties": {"id": _TEXT, "name": _TEXT, "password": _TEXT, "domain": _DOMAIN},
}
_IDENTITY = {
    "type": "object",
    "required": ["methods"],
    "properties": {
        "methods": {"type": "array", "items": _TEXT},
        "password": {"type": "object", "properties": {"user": _USER}},
        "token": {"type": "object", "required": ["id"], "properties": {"id": _TEXT}},
        "application_credential": {
            "type": "object",
            "required": ["secret"],
            "properties": {"id": _TEXT, "name": _TEXT, "secret": _TEXT, "user": _USER},
        },
    },
}
_SCOPE = {
    "type": ["object", "string"],
    "properties": {
        "project": {"type": "object", "properties": {"id": _TEXT, "name": _TEXT, "domain": _DOMAIN}},
        "domain": _DOMAIN,
        "OS-TRUST:trust": {"type": "object", "properties": {"id": _TEXT}},
        "system": {"type": "object", "properties": {"all": {"type": ["boolean", "null"]}}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "auth": {
            "type": "object",
            "required": ["identity"],
            "properties": {"identity": _IDENTITY, "scope": _SCOPE},
        }
    },
}
_SUPPORTED = frozenset({"password", "token", "application_credential"})
_SCOPES = ("project", "domain", "unscoped", "system", "OS-TRUST:trust")


@dataclass(frozen=True)
class Asked:
    """What somebody says they are, method by method, and what the token should be for.

    `scope` is a kind and what names it; None when the request says nothing, so that the user's default
    project counts.
    """

    methods: Mapping[str, Mapping[str, Any]]
    scope: tuple[str, Mapping[str, Any]] | None


@functools.cache
def _validator() -> Any:
    return schema.compile_schema(SCHEMA)


def asked(body: Any) -> Asked:
    """What a body asks for.

    Raises Invalid and BadRequest for what cannot be understood, Unauthorized for methods we do not speak.
    """
    schema.check(_validator(), body, WIRE)
    auth = body["auth"]
    identity = auth["identity"]
    names = list(dict.fromkeys(identity["methods"]))
    for name in names:
        if name not in identity:
            raise expecting(name, "identity")
    if not names:
        raise unauthorized()
    if not set(names) <= _SUPPORTED:
        raise Unauthorized("Attempted to authenticate with an unsupported method.")
    if "application_credential" in names and "scope" in auth:
        reason = "Application credentials cannot request a scope."
        raise Unauthorized(f"Error authenticating with application credential: {reason}")
    return Asked({name: identity[name] for name in names}, _scope(auth.get("scope")))


def _scope(scope: Any) -> tuple[str, Mapping[str, Any]] | None:
    if scope is None:
        return None
    kinds = [kind for kind in _SCOPES if kind in scope]
    if len(kinds) != 1:
        raise expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    kind = kinds[0]
    if kind == "OS-TRUST:trust":
        raise expecting("system, project, domain or unscoped", "scope")
    return kind, scope[kind] if isinstance(scope, dict) else {}
