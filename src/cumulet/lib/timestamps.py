# SPDX-License-Identifier: Apache-2.0
"""Moments in time as the database keeps them, as each API writes them, and as users send them.

The database keeps UTC as text, always 26 characters: `2026-11-20T10:00:00.000000`. Such texts sort by time,
compare with `<`, and are the same in SQLite and PostgreSQL. Every moment in our code is a `Timestamp` until
an API renders it; each family of services has a letter of its own, and clients parse exactly that one.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import NewType

from cumulet.lib.memo import memo_of

Timestamp = NewType("Timestamp", str)

EARLIEST = Timestamp("0001-01-01T00:00:00.000000")
LATEST = Timestamp("9999-12-31T23:59:59.999999")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_OR_MONTH = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_PLUS_READ_AS_SPACE = re.compile(r"(.+[T ].+) (\d\d(?::?\d\d)?)", re.ASCII)
_ISO_LETTERS = re.compile(r"[-+0-9TWZ:., ]+")


def from_datetime(moment: datetime) -> Timestamp:
    """The moment as the database keeps it; a datetime without a zone is taken as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return Timestamp(moment.isoformat(timespec="microseconds"))


def to_datetime(timestamp: Timestamp) -> datetime:
    """The moment as a datetime in UTC."""
    return datetime.fromisoformat(timestamp).replace(tzinfo=UTC)


def from_epoch(seconds: float) -> Timestamp:
    """The moment that many seconds after 1970, to the nearest microsecond."""
    second = math.floor(seconds)
    carried, microsecond = divmod(round((seconds - second) * 1_000_000), 1_000_000)
    return Timestamp(f"{_to_the_second(second + carried)}.{microsecond:06d}")


@memo_of(1000)
def _to_the_second(second: int) -> str:
    """Without a fraction: most moments that are written down lie in a second that was written just before."""
    return (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat()


def to_epoch(timestamp: Timestamp) -> float:
    """Seconds since 1970."""
    return (to_datetime(timestamp) - _EPOCH).total_seconds()


def add(timestamp: Timestamp, seconds: float) -> Timestamp:
    """The moment that many seconds later, or earlier when negative; OverflowError outside years 1 to 9999."""
    return from_datetime(to_datetime(timestamp) + timedelta(seconds=seconds))


def seconds_between(earlier: Timestamp, later: Timestamp) -> float:
    """Seconds from the one to the other, negative when they are swapped."""
    return (to_datetime(later) - to_datetime(earlier)).total_seconds()


def zulu(timestamp: Timestamp) -> str:
    """`2026-11-20T10:00:00Z`: nova, neutron and glance."""
    return f"{timestamp[:19]}Z"


def zulu_with_microseconds(timestamp: Timestamp) -> str:
    """`2026-11-20T10:00:00.000000Z`: keystone."""
    return f"{timestamp}Z"


def without_zone(timestamp: Timestamp) -> str:
    """`2026-11-20T10:00:00.000000`: cinder."""
    return str(timestamp)


def parse(text: str) -> Timestamp:
    """The moment that a user wrote in ISO 8601; ValueError with a sentence for the user when it is none.

    Without an offset it is UTC. Accepted too, because clients send it: a space for the `T`, a bare date,
    month or year, lower-case letters, and an offset whose `+` a query string has turned into a space.
    """
    wanted = text.strip().upper()
    try:
        if match := _YEAR_OR_MONTH.fullmatch(wanted):
            return from_datetime(datetime(int(match[1]), int(match[2] or 1), 1))
        if match := _PLUS_READ_AS_SPACE.fullmatch(wanted):
            wanted = f"{match[1]}+{match[2]}"
        if not _ISO_LETTERS.fullmatch(wanted):
            raise ValueError(wanted)
        return from_datetime(datetime.fromisoformat(wanted))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not an ISO 8601 time such as 2026-11-20T10:00:00Z.") from None
