# SPDX-License-Identifier: Apache-2.0
"""One method of one path: what may be asked, what is sent, and what comes back."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.resource.shapes import At, told

MICROVERSION = "microversion"
KEY, REHEARSAL = "idempotency-key", "dry-run"
REFUSED = "Refused"
_BODILESS = frozenset({204, 205, 304})
_QUERY: Mapping[str, Mapping[str, Any]] = {
    "limit": {"type": "integer", "minimum": 0},
    "sort_dir": {"enum": ["asc", "desc"]},
}
"""Queries that mean the same in every list; all others are texts."""


def operation(endpoints: Sequence[Endpoint], at: At, *, versioned: bool) -> dict[str, Any]:
    """An operation without its name. Several endpoints are actions, of which the body's key chooses one."""
    first = endpoints[0]
    found: dict[str, Any] = {
        "summary": _summary(endpoints),
        "tags": [first.tags[0] if first.tags else _subject(first.path)],
        "responses": _responses(endpoints, at),
    }
    if first.public:
        found["security"] = []
    elif first.anonymous:
        found["security"] = [{}, {"token": []}]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": _QUERY.get(name, {"type": "string"})}
        for name in dict.fromkeys(first.query)
    ]
    parameters += [
        {"$ref": f"#/components/parameters/{name}"}
        for name, there in (
            (MICROVERSION, versioned and not first.public),
            (KEY, any(endpoint.takes_key for endpoint in endpoints)),
            (REHEARSAL, any(endpoint.writes and not endpoint.is_async for endpoint in endpoints)),
        )
        if there
    ]
    if parameters:
        found["parameters"] = parameters
    if body := _body(endpoints, at.version):
        found["requestBody"] = body
    return found


def _summary(endpoints: Sequence[Endpoint]) -> str:
    if len(endpoints) > 1:
        return "One of " + ", ".join(endpoint.action for endpoint in endpoints)
    return endpoints[0].doc.partition("\n")[0] or endpoints[0].name.replace("_", " ")


def _subject(path: str) -> str:
    """The first word of a path, for routes that no declaration made."""
    return next((part for part in path.split("/") if part and not part.startswith("{")), "versions")


def _responses(endpoints: Sequence[Endpoint], at: At) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for answer in (one for endpoint in endpoints for one in endpoint.answers_at(at.version)):
        if answer.status >= 400:
            continue
        response = found.setdefault(str(answer.status), {"description": "done"})
        if answer.status in _BODILESS:
            continue
        if (schema := told(answer.answer, at)) is not None:
            _add(response, answer.returns or "application/json", schema)
        elif answer.returns:
            response.setdefault("content", {})[answer.returns] = {}
    return {**found, "default": {"$ref": f"#/components/responses/{REFUSED}"}}


def _add(response: dict[str, Any], kind: str, schema: dict[str, Any]) -> None:
    """The response may also be such a one, of several actions with one status."""
    content = response.setdefault("content", {})
    known = content.get(kind, {}).get("schema")
    others = known.get("anyOf", [known]) if known else []
    content[kind] = {"schema": {"anyOf": [*others, schema]} if others else schema}


def _body(endpoints: Sequence[Endpoint], version: int) -> dict[str, Any] | None:
    first = endpoints[0]
    if first.raw:
        return {"content": {first.accepts or "application/octet-stream": {}}}
    schemas = [endpoint.schema(version) or {} for endpoint in endpoints if endpoint.schema is not None]
    if not schemas:
        return None
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"required": True, "content": {first.accepts or "application/json": {"schema": schema}}}
