# SPDX-License-Identifier: Apache-2.0
"""An object before it is one: content that is on disk, and what its row will say."""

from dataclasses import dataclass, field
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.services.swift.model import Object, Stored


@dataclass(frozen=True)
class Draft:
    """Everything that a row of an object says but where it is."""

    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    blob: str | None = None
    size: int = 0
    etag: str = "d41d8cd98f00b204e9800998ecf8427e"
    kind: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    delete_at: int | None = None

    def columns(self, tx: Tx, version: str) -> dict[str, Any]:
        """The columns of a row that is written now."""
        return {**self.__dict__, "version": version, "written_at": tx.now, "updated_at": tx.now}


def draft_of(stored: Stored) -> Draft:
    """What another object with the same content and headers would say."""
    names = Draft.__dataclass_fields__
    return Draft(**{name: stored.__dict__[name] for name in names})


def object_of(tx: Tx, container_id: str, name: str, draft: Draft, version: str) -> Object:
    return Object(container_id=container_id, name=name, **draft.columns(tx, version))
