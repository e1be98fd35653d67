# SPDX-License-Identifier: Apache-2.0
"""Lists of all versions: by name, the newest of a name first."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query
from cumulet.lib.memo import memo
from cumulet.services.swift import times
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.listing.walk import follower
from cumulet.services.swift.model import Object, Stored, Version

_NEWEST, _OLDEST = "~", ""
"""Sort behind and before the id of every version; what has no id is the newest."""
_FEW = 50
_COLUMNS = ("name", "size", "etag", "content_type", "updated_at", "kind", "facts")


def version_marker(query: Query) -> str:
    """The version behind which a list begins, "" for all of a name. Raises BadRequest."""
    marker = query.get("version_marker")
    if marker is None:
        return _OLDEST
    if "marker" not in query:
        raise BadRequest("version_marker param requires marker")
    if marker == "null":
        return _NEWEST
    try:
        return f"{float(marker):016.5f}"
    except ValueError:
        raise BadRequest("invalid version_marker param") from None


def versions(tx: Tx, container_id: str, asked: Question, behind: str) -> list[dict[str, Any]]:
    """A page of versions behind the marker's version `behind`."""
    found: list[dict[str, Any]] = []
    at, version, down = _beginning(asked, behind)
    while len(found) < asked.limit:
        wanted = _FEW if asked.delimiter else asked.limit - len(found)
        rows = _rows(tx, container_id, asked, (at, version), wanted)
        for row in rows[:wanted]:
            at, version = row[0], row[1]
            folder = _folder(asked, at)
            if folder:
                if folder != asked.marker:
                    found.append({"subdir": folder})
                at, version = (folder, _NEWEST) if down else (follower(folder) or "", _NEWEST + _NEWEST)
                break
            found.append(_item(tx, container_id, row))
            if len(found) == asked.limit:
                return found
        else:
            if len(rows) < wanted:
                return found
        if not at:
            return found
    return found


def _beginning(asked: Question, behind: str) -> tuple[str, str, bool]:
    """The name and the version behind which a list begins, and whether it runs down."""
    if asked.reverse:
        return (asked.marker, behind or _NEWEST, True) if asked.marker else ("", "", True)
    if asked.marker >= asked.prefix:
        return asked.marker, behind, False
    return asked.prefix, _NEWEST + _NEWEST, False


def _folder(asked: Question, name: str) -> str:
    at = name.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
    return name[: at + len(asked.delimiter)] if at >= 0 else ""


def _rows(tx: Tx, container_id: str, asked: Question, behind: tuple[str, str], limit: int) -> list[Any]:
    """The next rows in order, of objects and of versions."""
    high = follower(asked.prefix) if asked.prefix else None
    if asked.end_marker and not asked.reverse:
        high = min(high or asked.end_marker, asked.end_marker)
    name, version = behind
    values: dict[str, Any] = {"container": container_id, "low": asked.prefix, "limit": limit}
    values |= {"high": high} if high is not None else {}
    values |= {"name": name, "version": version} if name else {}
    found: list[Any] = []
    for cls in (Object, Version):
        statement = _statement(cls, asked.reverse, bool(name), high is None)
        found += [(*row, cls is Object) for row in tx.rows(statement, values)]
    if asked.reverse and asked.end_marker:
        found = [row for row in found if row[0] > asked.end_marker]
    return _ordered(found, down=asked.reverse)[:limit]


def _ordered(rows: list[Any], *, down: bool) -> list[Any]:
    """By name, and of a name the newest first; the other way round if `down`."""
    newest_first = sorted(rows, key=lambda row: row[1], reverse=not down)
    return sorted(newest_first, key=lambda row: row[0], reverse=down)


@memo
def _statement(cls: type[Stored], down: bool, behind: bool, endless: bool) -> Any:
    c = cls.c
    version = sa.case((c.version == "", _NEWEST), else_=c.version)
    low: Any = sa.bindparam("low")
    where = [c.container_id == sa.bindparam("container"), c.name >= low]
    if behind:
        name: Any = sa.bindparam("name")
        at: Any = sa.bindparam("version")
        where.append(c.name <= name if down else c.name >= name)
        rest = version > at if down else version < at
        where.append(sa.or_(c.name < name if down else c.name > name, rest))
    if not endless:
        where.append(c.name < sa.bindparam("high"))
    chosen = sa.select(c.name, version.label("key"), *(c[column] for column in _COLUMNS[1:])).where(*where)
    order = (c.name.desc(), version) if down else (c.name, version.desc())
    return chosen.order_by(*order).limit(sa.bindparam("limit"))


def _item(tx: Tx, container_id: str, row: Any) -> dict[str, Any]:
    name, version, size, etag, content_type, updated_at, kind, facts, current = row
    return {
        "name": name,
        "version_id": "null" if version == _NEWEST else version,
        "is_latest": current or (kind == "marker" and _is_newest(tx, container_id, name, version)),
        "bytes": facts["bytes"] if kind == "slo" else size,
        "hash": etag,
        "content_type": content_type.encode("latin-1").decode(errors="replace"),
        "last_modified": times.listed(updated_at),
        **facts.get("listed", {}),
    }


def _is_newest(tx: Tx, container_id: str, name: str, version: str) -> bool:
    """Whether nothing of this name came after a marker."""
    if tx.first_by(Object, container_id=container_id, name=name) is not None:
        return False
    c = Version.c
    return not tx.exists(Version, c.container_id == container_id, c.name == name, c.version > version)
