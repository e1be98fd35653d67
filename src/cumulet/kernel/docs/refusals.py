# SPDX-License-Identifier: Apache-2.0
"""The forms of an API's errors, read off what it really writes."""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import msgspec

from cumulet.kernel.auth.context import ANONYMOUS, Context
from cumulet.kernel.errors import (
    BadRequest,
    Conflict,
    Error,
    Forbidden,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    NotImplementedHere,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from cumulet.kernel.http.wire import ErrorBody

if TYPE_CHECKING:
    from cumulet.kernel.app import App
    from cumulet.kernel.service import Running

_REQUEST = "req-00000000-0000-0000-0000-000000000000"
_REFUSALS: tuple[type[Error], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, TooLarge,
    UnsupportedMediaType, Error, NotImplementedHere, Unavailable,
)  # fmt: skip


def refused(running: "Running", version: int) -> dict[str, Any]:
    """A response of any refusal: its alternatives by media type.

    What is refused before its version is known, a bad token first of all, is refused as by the oldest.
    """
    versions = running.api.microversions
    forms: dict[str, list[dict[str, Any]]] = {}
    known_versions = {versions.bounds[0] if versions else version, version}
    for error, at, sentence in product(_REFUSALS, known_versions, ("", "It cannot be done.")):
        for body in _bodies(error(sentence), running, at):
            kind = body.content_type.partition(";")[0]
            form = _form(msgspec.json.decode(body.content)) if "json" in kind else {"type": "string"}
            known = forms.setdefault(kind, [])
            if form not in known:
                known.append(form)
    for kind in running.api.wire.other_forms:
        forms.setdefault(kind, []).append({"type": "string"})
    content = {
        kind: {"schema": known[0] if len(known) == 1 else {"anyOf": known}} for kind, known in forms.items()
    }
    return {"description": "Refused.", "content": content}


def _bodies(error: Error, running: "Running", version: int) -> Iterator[ErrorBody]:
    wire = running.api.wire
    if wire.error_at is not None:
        # No process is running: errors are written by the version and the request's id alone.
        yield wire.error_at(error, Context(cast("App", None), running, ANONYMOUS, _REQUEST, version))
    elif wire.error_for is not None:
        for accept in ("application/json", "text/html", "text/plain"):
            yield wire.error_for(accept)(error, _REQUEST)
    else:
        yield wire.error(error, _REQUEST)


def _form(value: Any) -> dict[str, Any]:
    """The schema of values that are built like this one."""
    match value:
        case dict():
            parts = {name: _form(part) for name, part in value.items() if name != "retryAfter"}
            return {"type": "object", "properties": parts, "required": list(parts)}
        case list():
            return {"type": "array", "items": _form(value[0])} if value else {"type": "array"}
        case int():
            return {"type": "integer"}
        case _:
            return {"type": "string"}
