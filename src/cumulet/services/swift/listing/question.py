# SPDX-License-Identifier: Apache-2.0
"""What a list is asked for."""

from dataclasses import dataclass

from cumulet.kernel.errors import NotAcceptable, PreconditionFailed
from cumulet.kernel.http.messages import Query, as_flag
from cumulet.kernel.http.wire import preferred
from cumulet.services.swift import limits

KINDS = {"plain": "text/plain", "json": "application/json", "xml": "application/xml"}
_OFFERED = ("text/plain", "application/json", "application/xml", "text/xml")


@dataclass(frozen=True)
class Question:
    """Names after `marker` and before `end_marker`, of which those that go on behind a delimiter are one.

    With `exact` (the old query `path`) the names below the prefix are listed without what lies deeper.
    """

    limit: int = limits.LISTING
    prefix: str = ""
    marker: str = ""
    end_marker: str = ""
    delimiter: str = ""
    reverse: bool = False
    exact: bool = False


def question(query: Query) -> Question:
    """Raises PreconditionFailed for more than a page, and for a limit that is no number."""
    found = Question(
        limit=_limit(query.get("limit")),
        prefix=query.get("prefix") or "",
        marker=query.get("marker") or "",
        end_marker=query.get("end_marker") or "",
        delimiter=query.get("delimiter") or "",
        reverse=as_flag(query.get("reverse", "")),
    )
    if (path := query.get("path")) is None:
        return found
    inside = f"{path.rstrip('/')}/" if path else ""
    return Question(found.limit, inside, found.marker, found.end_marker, "/", found.reverse, exact=True)


def _limit(text: str | None) -> int:
    if not text:
        return limits.LISTING
    try:
        limit = int(text)
    except ValueError:
        return limits.LISTING
    if limit > limits.LISTING:
        raise PreconditionFailed(f"Maximum limit is {limits.LISTING}")
    return limit if limit >= 0 else limits.LISTING


def media_type(query: Query, accept: str) -> str:
    """How a list is to be written. Raises NotAcceptable."""
    if (asked := query.get("format")) is not None:
        return KINDS.get(asked.lower(), "text/plain")
    if not accept:
        return "text/plain"
    found = preferred(accept, *_OFFERED)
    if found is None:
        raise NotAcceptable
    return found
