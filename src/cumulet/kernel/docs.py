# SPDX-License-Identifier: Apache-2.0
"""OpenAPI 3.1 from declarations: every route of a service, with the schemas by which it really checks.

Where endpoints share a path and a method (actions, and bodies that differ by microversion) the document has
one operation, whose body is any of theirs at the newest microversion.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from cumulet.kernel.http.endpoint import Endpoint

if TYPE_CHECKING:
    from cumulet.kernel.service import Running


def openapi(running: "Running", version: int | None = None) -> dict[str, Any]:
    """The document of one service, at its newest microversion unless another is given."""
    api = running.api
    at = version if version is not None else api.microversions.bounds[1] if api.microversions else 0
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    by_route: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
    for endpoint in api.endpoints:
        if endpoint.known_in(at):
            path = (api.prefix if endpoint.prefixed else "") + endpoint.path
            by_route[path or "/", endpoint.method.lower()].append(endpoint)
    for (path, method), endpoints in by_route.items():
        paths[path][method] = _operation(endpoints, at)
    for path, item in paths.items():
        item["parameters"] = [_path_parameter(part[1:-1]) for part in path.split("/") if part.startswith("{")]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{running.name} of Cumulet",
            "version": api.microversions.maximum if api.microversions else api.prefix.strip("/") or "1",
        },
        "servers": [{"url": running.manifest.path}],
        "paths": dict(paths),
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
        "security": [{"token": []}],
    }


def _operation(endpoints: list[Endpoint], version: int) -> dict[str, Any]:
    first = endpoints[0]
    operation: dict[str, Any] = {
        "operationId": f"{first.name}"
        if len(endpoints) == 1
        else f"{first.tags[0] if first.tags else ''}_action",
        "summary": first.doc.partition("\n")[0] or first.name.replace("_", " "),
        "responses": {
            **{str(endpoint.status): {"description": "done"} for endpoint in endpoints},
            "default": {"description": "refused, in the error form of this API"},
        },
    }
    if first.tags:
        operation["tags"] = list(first.tags)
    if first.public:
        operation["security"] = []
    if first.query:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in dict.fromkeys(first.query)
        ]
    schemas = [dict(e.schema(version) or {}) for e in endpoints if e.schema is not None]
    if schemas:
        body = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    elif first.raw:
        operation["requestBody"] = {"content": {"application/octet-stream": {}}}
    return operation


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
