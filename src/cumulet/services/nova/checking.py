# SPDX-License-Identifier: Apache-2.0
"""Bodies checked against schemas that a declaration does not derive."""

from collections.abc import Callable, Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import schema

Schema = Mapping[str, Any]


class Checked:
    """A schema, or a function from the microversion to one; called with a body, it gives the body or refuses.

    The validator of a microversion is compiled when the first request of that version comes.
    """

    def __init__(self, made: Schema | Callable[[int], Schema]) -> None:
        self._made = made
        self._validators: dict[int, Any] = {}

    def at(self, version: int) -> Schema:
        return self._made(version) if callable(self._made) else self._made

    def __call__(self, ctx: Context, body: Any) -> Any:
        version = ctx.version if callable(self._made) else 0
        validator = self._validators.get(version)
        if validator is None:
            validator = self._validators[version] = schema.compile_schema(self.at(version))
        if not isinstance(body, dict):
            raise BadRequest("The request body must be a JSON object.")
        schema.check(validator, body, ctx.service.api.wire)
        return body
