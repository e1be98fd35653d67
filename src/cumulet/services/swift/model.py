# SPDX-License-Identifier: Apache-2.0
"""What the database knows of accounts, containers and objects.

Headers are kept as they came, by their names in title case; a value holds a character for each byte that was
sent. The counters of a container are those of its objects, and an account's those of its containers: whoever
writes an object counts it in the same transaction.
"""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.lib.timestamps import Timestamp


class Account(Row, table="swift_accounts"):
    """Everything of one project. Its id is its name in paths: `AUTH_` and the project's id."""

    id: str = column(primary=True)
    containers: int = 0
    objects: int = 0
    bytes: int = 0
    headers: dict[str, str] = json_column(default_factory=dict)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class Container(Row, table="swift_containers", unique=(("account_id", "name"),)):
    """A named set of objects. `versioned` is whether it keeps old versions, None if that was never asked."""

    id: str = column(primary=True, default_factory=ids.plain)
    account_id: str = column(references="swift_accounts.id")
    name: str
    objects: int = 0
    bytes: int = 0
    headers: dict[str, str] = json_column(default_factory=dict)
    versioned: bool | None = None
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class Stored(Row):
    """What an object and an old version of one have in common.

    `blob` names the file with the content, which is `size` bytes long; what is empty has none. `kind` is
    "" for plain content, "slo" for a manifest of segments, "symlink", and "marker" for the absence that a
    deletion leaves among versions. `facts` are what the kind needs to be known by: the length and sum of
    all segments, the target of a link. `written_at` is when the content came, `updated_at` when the row did.
    """

    id: str = column(primary=True, default_factory=ids.plain)
    container_id: str = column(references="swift_containers.id")
    name: str
    version: str = ""
    """The id by which it is known among versions: "" for what was written while none were kept."""
    kind: str = ""
    blob: str | None = column(default=None, index=True)
    size: int = 0
    etag: str = ""
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = json_column(default_factory=dict)
    facts: dict[str, Any] = json_column(default_factory=dict)
    delete_at: int | None = column(default=None, index=True)
    """When it expires, in seconds since 1970."""
    written_at: Timestamp
    updated_at: Timestamp = column(default=Timestamp(""))


class Object(Stored, table="swift_objects", unique=(("container_id", "name"),)):
    """An object as it is now."""


class Version(Stored, table="swift_versions", unique=(("container_id", "name", "version"),)):
    """What an object was, or the marker of its deletion, in a container that keeps versions."""
