# SPDX-License-Identifier: Apache-2.0
"""What became of many things, as text, JSON or XML."""

from dataclasses import dataclass, field
from http import HTTPStatus
from xml.sax.saxutils import escape

import msgspec

from cumulet.kernel.errors import Error
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.wire import preferred

FORMATS = ("text/plain", "application/json", "application/xml", "text/xml")
_NO_XML = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}


def status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


@dataclass
class Outcome:
    """Counts by what they count, and what failed with why; `tag` names the whole in XML."""

    tag: str
    counts: dict[str, int] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    body: str = ""
    only_errors: bool = False

    def fail(self, name: str, refusal: Error) -> None:
        self.errors.append((name, f"{refusal.status} {refusal.title}"))

    def end(self, refusal: Error) -> None:
        """The whole ends here, with this."""
        self.status, self.body = refusal.status, refusal.message

    def reply(self, request: Request, status: int = 200) -> Reply:
        """The answer, which itself is a success: what is not stands in it."""
        kind = preferred(request.headers.get("accept", ""), *FORMATS) or "text/plain"
        return Reply(status, self.written(kind), {}, kind)

    def written(self, kind: str) -> bytes:
        facts: dict[str, object] = {}
        if not self.only_errors:
            whole = {"Response Body": self.body, "Response Status": status_line(self.status)}
            facts = {**self.counts, **whole}
        if kind == "application/json":
            return msgspec.json.encode({**facts, "Errors": self.errors})
        if kind.endswith("/xml"):
            return self._as_xml(facts).encode()
        lines = [f"{name}: {facts[name]}\n" for name in sorted(facts)]
        return "".join([*lines, "Errors:\n", *(f"{name}, {why}\n" for name, why in self.errors)]).encode()

    def _as_xml(self, facts: dict[str, object]) -> str:
        lines = [
            f"<{word}>{_text(facts[name])}</{word}>\n"
            for name in sorted(facts)
            for word in [name.replace(" ", "_").lower()]
        ]
        errors = [
            f"<object><name>{_text(name)}</name><status>{_text(why)}</status></object>\n"
            for name, why in self.errors
        ]
        return "".join([f"<{self.tag}>\n", *lines, "<errors>\n", *errors, "</errors>\n", f"</{self.tag}>\n"])


def _text(value: object) -> str:
    return escape(str(value).translate(_NO_XML))
