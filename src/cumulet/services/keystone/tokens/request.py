# SPDX-License-Identifier: Apache-2.0
"""The body of a request for a token, checked and taken apart."""

import functools
from collections.abc import Mapping
from typing import Any

from cumulet.kernel.errors import Unauthorized
from cumulet.kernel.resource import schema
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.tokens.methods import METHODS
from cumulet.services.keystone.tokens.methods.words import DOMAIN, PROJECT, TEXT
from cumulet.services.keystone.tokens.proof import TRUST, Asked
from cumulet.services.keystone.wire import WIRE

_IDENTITY = {
    "type": "object",
    "required": ["methods"],
    "properties": {
        "methods": {"type": "array", "items": TEXT},
        **{name: method.schema for name, method in METHODS.items()},
    },
}
_SCOPE = {
    "type": ["object", "string"],
    "properties": {
        "project": PROJECT,
        "domain": DOMAIN,
        TRUST: {"type": "object", "properties": {"id": TEXT}},
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
_SCOPES = ("project", "domain", "unscoped", "system", TRUST)


@functools.cache
def _validator() -> Any:
    return schema.compile_schema(SCHEMA)


def asked(body: Any, receipt: str = "") -> Asked:
    """What a body asks for, and what its sender was given by an earlier one.

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
    if not METHODS.keys() >= set(names):
        raise Unauthorized("Attempted to authenticate with an unsupported method.")
    if "application_credential" in names and "scope" in auth:
        reason = "Application credentials cannot request a scope."
        raise Unauthorized(f"Error authenticating with application credential: {reason}")
    return Asked({name: identity[name] for name in names}, _scope(auth.get("scope")), receipt)


def _scope(scope: Any) -> tuple[str, Mapping[str, Any]] | None:
    if scope is None:
        return None
    kinds = [kind for kind in _SCOPES if kind in scope]
    if len(kinds) != 1:
        raise expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    kind = kinds[0]
    return kind, scope[kind] if isinstance(scope, dict) else {}
