# SPDX-License-Identifier: Apache-2.0
"""What lists say of each thing in them."""

from typing import Any

from cumulet.kernel.db import Tx
from cumulet.services.swift import times
from cumulet.services.swift.listing import source
from cumulet.services.swift.listing.question import Question


def containers(tx: Tx, account: str, asked: Question) -> list[dict[str, Any]]:
    """A page of an account."""
    return [_container(row) for row in source.containers(tx, account, asked)]


def objects(tx: Tx, container_id: str, asked: Question) -> list[dict[str, Any]]:
    """A page of a container."""
    return [_object(row) for row in source.objects(tx, container_id, asked)]


def _container(row: Any) -> dict[str, Any]:
    if isinstance(row, str):
        return {"subdir": row}
    name, count, size, updated_at = row
    return {"name": name, "count": count, "bytes": size, "last_modified": times.listed(updated_at)}


def _object(row: Any) -> dict[str, Any]:
    if isinstance(row, str):
        return {"subdir": row}
    name, size, etag, content_type, updated_at, kind, facts = row
    return {
        "name": name,
        "bytes": facts["bytes"] if kind == "slo" else size,
        "hash": etag,
        "content_type": content_type.encode("latin-1").decode(errors="replace"),
        "last_modified": times.listed(updated_at),
        **facts.get("listed", {}),
    }
