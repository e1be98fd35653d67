# SPDX-License-Identifier: Apache-2.0
"""What the plane was last told, one file a document.

A record is written before a link or a namespace is made and removed after, so that whatever exists has one.
Filters need none: they are loaded anew, from the records, whenever the plane is opened. An
agent that starts anew reads from them which addresses are members of which group and which lease belongs to
whom, long before the control plane has sent everything again.
"""

import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from cumulet.contracts.documents import NetworkDocument, PortDocument, RouterDocument, SecurityGroupDocument

R = TypeVar("R", NetworkDocument, PortDocument, SecurityGroupDocument, RouterDocument)


class Records(Generic[R]):
    """The documents of one kind by id, in memory and on disk alike."""

    def __init__(self, folder: Path, cls: type[R]) -> None:
        self._folder = folder
        self._cls: type[R] = cls
        self.documents: dict[str, R] = {}

    def load(self) -> None:
        """What the folder holds is known; a file that cannot be read is forgotten."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.documents = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                self.documents[path.stem] = msgspec.json.decode(path.read_bytes(), type=self._cls)
            except msgspec.MsgspecError:
                path.unlink()

    def put(self, document: R) -> None:
        path = self._folder / f"{document.id}.json"
        write_whole(path, msgspec.json.encode(document))
        self.documents[document.id] = document

    def drop(self, id: str) -> None:
        (self._folder / f"{id}.json").unlink(missing_ok=True)
        self.documents.pop(id, None)


def write_whole(path: Path, content: bytes) -> None:
    """The file holds exactly this; a crash leaves the old content or the new."""
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    os.replace(draft, path)
