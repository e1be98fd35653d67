# SPDX-License-Identifier: Apache-2.0
"""Connections that are kept for the next one who needs them."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ldap3.core.exceptions import LDAPException


@dataclass(frozen=True)
class Line:
    """A connection and when it was made, in seconds of the monotonic clock."""

    wire: Any
    born: float


class Kept:
    """Connections that nobody uses now, the youngest first; none is kept beyond its lifetime in seconds."""

    def __init__(self, most: int, lifetime: float) -> None:
        self._most, self._lifetime = most, lifetime
        self._idle: list[Line] = []
        self._lock = threading.Lock()

    def take(self) -> Line | None:
        with self._lock:
            old = [line for line in self._idle if not self._is_young(line)]
            self._idle = [line for line in self._idle if self._is_young(line)]
            found = self._idle.pop() if self._idle else None
        for line in old:
            end(line.wire)
        return found

    def give(self, line: Line) -> None:
        with self._lock:
            if len(self._idle) < self._most and self._is_young(line):
                self._idle.append(line)
                return
        end(line.wire)

    def close(self) -> None:
        """Nothing is kept, now or later."""
        self._most = 0
        self.clear()

    def clear(self) -> None:
        """Nothing is kept of what was."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            end(line.wire)

    def _is_young(self, line: Line) -> bool:
        return time.monotonic() < line.born + self._lifetime


def end(wire: Any) -> None:
    with suppress(LDAPException, OSError):
        wire.unbind()
