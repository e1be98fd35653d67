# SPDX-License-Identifier: Apache-2.0
"""The document of a service, whole.

It describes one microversion, the newest unless another is given, and names that one in a required header:
who follows the document asks for what it describes.
"""

import copy
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from cumulet.kernel.docs.operations import KEY, MICROVERSION, REFUSED, REHEARSAL, operation
from cumulet.kernel.docs.refusals import refused
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.resource.shapes import At
from cumulet.kernel.versions import Microversions, dotted

if TYPE_CHECKING:
    from cumulet.kernel.service import Api, Running

BEYOND = frozenset({"copy"})
"""Methods that OpenAPI 3.1 has no place for: their operations stand as extensions, `x-copy`."""
_REST = ":path}"
"""Ends a placeholder of a route that takes the rest of the path."""
_OWN_HEADERS = {
    KEY: {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request with the same key is done once, and gets the first answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    REHEARSAL: {
        "name": "Cumulet-Dry-Run",
        "in": "header",
        "description": "The request is answered as if it were done, and nothing of it is kept.",
        "schema": {"type": "string"},
    },
}
Route = tuple[str, str]
"""A path and a method in lower case."""


def openapi(running: "Running", version: int | None = None) -> dict[str, Any]:
    """The document of one service, at its newest microversion unless another is given."""
    api = running.api
    at = version if version is not None else api.microversions.bounds[1] if api.microversions else 0
    found = routes(api, at)
    names = _names(found)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for (path, method), endpoints in found.items():
        paths[path.replace(_REST, "}")][f"x-{method}" if method in BEYOND else method] = {
            "operationId": names[path, method],
            **operation(endpoints, At(at, api.wire), versioned=api.microversions is not None),
        }
    for path, item in paths.items():
        item["parameters"] = [_path_parameter(part[1:-1]) for part in path.split("/") if part.startswith("{")]
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{running.name} of Cumulet",
            "version": dotted(at) if at else api.prefix.strip("/") or "1",
        },
        "servers": [{"url": running.manifest.path}],
        "paths": dict(paths),
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
            "responses": {REFUSED: refused(running, at)},
            "parameters": {
                **({MICROVERSION: _version_header(api.microversions, at)} if api.microversions else {}),
                **_OWN_HEADERS,
            },
        },
        "security": [{"token": []}],
    }
    return copy.deepcopy(document)


def routes(api: "Api", version: int) -> dict[Route, list[Endpoint]]:
    """The endpoints that answer in this microversion, those of one path and method together.

    Only actions share both: of all others the first one known answers.
    """
    found: dict[Route, list[Endpoint]] = defaultdict(list)
    for endpoint in api.endpoints:
        path = (api.prefix if endpoint.prefixed else "") + endpoint.path
        route = (path.rstrip("/") or "/", endpoint.method.lower())
        if endpoint.known_in(version) and (endpoint.action or not found[route]):
            found[route].append(endpoint)
    return {route: endpoints for route, endpoints in found.items() if endpoints}


def _names(found: dict[Route, list[Endpoint]]) -> dict[Route, str]:
    """An operation's name: its function's, or its path in words where two functions have the same."""
    plain = {
        route: f"{endpoints[0].tags[0] if endpoints[0].tags else 'any'}_action"
        if len(endpoints) > 1
        else endpoints[0].name
        for route, endpoints in found.items()
    }
    often = Counter(plain.values())
    return {route: name if often[name] == 1 else _in_words(*route) for route, name in plain.items()}


def _in_words(path: str, method: str) -> str:
    return "_".join([method, *(part.strip("{}").replace("-", "_") for part in path.split("/") if part)])


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _version_header(microversions: Microversions, version: int) -> dict[str, Any]:
    return {
        "name": "OpenStack-API-Version",
        "in": "header",
        "required": True,
        "description": "The version that this document describes; the oldest one answers without it.",
        "schema": {"type": "string", "enum": [f"{microversions.type} {dotted(version)}"]},
    }
