# SPDX-License-Identifier: Apache-2.0
"""The body of a request for a token, checked and taken apart."""

import functools
from collections.abc import Mapping
from typing import Any

from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import schema
from cumulet.services.keystone.errors import MethodRefused, expecting, unauthorized
from cumulet.services.keystone.federation.front_proxy import Asserted
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
_NAMED = (
    ("identity", "password", "user"),
    ("identity", "password", "user", "domain"),
    ("scope", "project"),
    ("scope", "project", "domain"),
    ("scope", "domain"),
)
_SCOPES = ("project", "domain", "unscoped", "system", TRUST)


@functools.cache
def _validator() -> Any:
    return schema.compile_schema(SCHEMA)


def asked(body: Any, headers: Mapping[str, str], said: Asserted) -> Asked:
    """What a request asks for; `said` is what others say of its sender.

    Raises Invalid and BadRequest for what cannot be understood, MethodRefused for methods we do not speak.
    """
    schema.check(_validator(), body, WIRE)
    auth = body["auth"]
    _check_names(auth)
    identity = auth["identity"]
    names = list(dict.fromkeys(identity["methods"]))
    for name in names:
        if name not in identity:
            raise expecting(name, "identity")
    if not names:
        raise unauthorized()
    if not METHODS.keys() >= set(names):
        spoken = {"methods": list(METHODS)}
        raise MethodRefused("Attempted to authenticate with an unsupported method.", spoken)
    if "application_credential" in names and "scope" in auth:
        reason = "Application credentials cannot request a scope."
        raise MethodRefused(f"Error authenticating with application credential: {reason}", {})
    return Asked(
        methods={name: identity[name] for name in names},
        scope=_scope(auth.get("scope")),
        receipt=headers.get("openstack-auth-receipt", ""),
        authorization=headers.get("authorization", ""),
        asserted=said,
    )


def _check_names(auth: Mapping[str, Any]) -> None:
    """Raise BadRequest for a thing that is named by neither its id nor its name."""
    for path in _NAMED:
        found: Any = auth
        for word in path:
            found = found.get(word) if isinstance(found, dict) else None
        if isinstance(found, dict) and "id" not in found and "name" not in found:
            raise BadRequest(f"Invalid input for field {'/'.join(path)}: id or name must be present.")


def _scope(scope: Any) -> tuple[str, Mapping[str, Any]] | None:
    if scope is None:
        return None
    kinds = [kind for kind in _SCOPES if kind in scope]
    if len(kinds) != 1:
        raise expecting("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    kind = kinds[0]
    return kind, scope[kind] if isinstance(scope, dict) else {}
