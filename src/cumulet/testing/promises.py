# SPDX-License-Identifier: Apache-2.0
"""Whether an answer is what the documents of its service promise in the request's microversion.

What a talk is answered proves the documents, and the documents find what a talk did not look at: a key that
is missing, or one that nobody tells of.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema_rs

from cumulet.kernel.docs.document import routes
from cumulet.kernel.docs.operations import operation
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.resource.shapes import At
from cumulet.kernel.service import Running
from cumulet.testing.asgi import Answer

_REST = re.compile(r"\{\w+:path\}")
_NULL = str(len("null"))
"""The length of a body that says nothing in JSON."""
Route = tuple[re.Pattern[str], str, list[Endpoint]]


class Promises:
    """What the documents of these services promise."""

    def __init__(self, services: Iterable[Running]) -> None:
        self._services = list(services)
        self._routes: dict[tuple[str, int], list[Route]] = {}
        self._responses: dict[tuple[Endpoint, int], Mapping[str, Any]] = {}

    def broken(self, method: str, target: str, sent: Any, headers: Mapping[str, str], answer: Answer) -> str:
        """What is wrong with an answer of success to a request, in words; '' where nothing is.

        Answers to HEAD, to who chose the fields to see, and to what no route is known for are not looked at.
        """
        url = urlsplit(target)
        service = next((s for s in self._services if url.path.startswith(s.manifest.path + "/")), None)
        if service is None or answer.status >= 400 or "fields=" in url.query:
            return ""
        versions = service.api.microversions
        version = versions.negotiate({k.lower(): v for k, v in headers.items()}) if versions else 0
        path = unquote(url.path[len(service.manifest.path) :])
        endpoint = self._endpoint(service, version, method.lower(), path, sent)
        return judge(self._promised(service, endpoint, version), answer) if endpoint else ""

    def _endpoint(self, service: Running, version: int, verb: str, path: str, sent: Any) -> Endpoint | None:
        paths = [path, path.rstrip("/") or "/"]
        if service.api.project_in_path:
            paths.append(re.sub(f"^{service.api.prefix}/[0-9a-f-]+(?=/)", service.api.prefix, paths[-1]))
        for asked in paths:
            for pattern, known, endpoints in self._known(service, version):
                if known == verb and pattern.fullmatch(asked):
                    named = [e for e in endpoints if isinstance(sent, dict) and e.action in sent]
                    return (named or endpoints)[0]
        return None

    def _known(self, service: Running, version: int) -> list[Route]:
        """The routes of a version, fixed words before placeholders."""
        key = service.name, version
        if key not in self._routes:
            found = sorted(routes(service.api, version).items(), key=lambda one: one[0][0].replace("{", "~"))
            self._routes[key] = [
                (re.compile(re.sub(r"\{\w+\}", "[^/]+", _REST.sub(".+", path))), verb, endpoints)
                for (path, verb), endpoints in found
            ]
        return self._routes[key]

    def _promised(self, service: Running, endpoint: Endpoint, version: int) -> Mapping[str, Any]:
        key = endpoint, version
        if key not in self._responses:
            described = operation([endpoint], At(version, service.api.wire), versioned=False)
            self._responses[key] = described["responses"]
        return self._responses[key]


def judge(responses: Mapping[str, Any], answer: Answer) -> str:
    """What is wrong with an answer to an operation with these responses; '' where nothing is."""
    promised = responses.get(str(answer.status))
    if promised is None:
        return f"{answer.status} is not among {', '.join(responses)}"
    content = promised.get("content", {})
    if answer.body is None and answer.headers.get("content-length") != _NULL:
        return "there is no body" if any(one for one in content.values()) else ""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind not in content and "*/*" not in content:
        return f"{kind} is not among {', '.join(content) or 'nothing'}"
    schema = content.get(kind, {}).get("schema")
    if schema is None:
        return ""
    errors = jsonschema_rs.Draft202012Validator(closed(schema)).iter_errors(answer.body)
    return "; ".join(f"{'/'.join(map(str, e.instance_path))}: {e.message}"[:600] for e in errors)


def closed(schema: Any) -> Any:
    """The schema of objects that have no other keys than those it tells of."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("required"), list):
        found.setdefault("additionalProperties", False)
    return found
