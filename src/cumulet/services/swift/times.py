# SPDX-License-Identifier: Apache-2.0
"""Moments in the four forms that Swift writes."""

import math
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

_LATEST = 253402300799
"""The last second of year 9999."""


def stamp(moment: Timestamp) -> str:
    """`1400000000.12345`: X-Timestamp, and the ids of versions."""
    return f"{timestamps.to_epoch(moment):016.5f}"


def listed(moment: Timestamp) -> str:
    """`2014-05-13T16:53:20.123450`: last_modified in listings."""
    return f"{moment[:25]}0"


def http_date(moment: Timestamp) -> str:
    """`Tue, 13 May 2014 16:53:21 GMT`, the first whole second that is not before the moment."""
    return http_date_of(whole_second(moment))


def whole_second(moment: Timestamp) -> int:
    return math.ceil(timestamps.to_epoch(moment))


def seconds(moment: Timestamp) -> int:
    """Seconds since 1970, the fraction left out."""
    return math.floor(timestamps.to_epoch(moment))


def http_date_of(seconds: int) -> str:
    """The same of seconds since 1970."""
    return format_datetime(datetime.fromtimestamp(min(seconds, _LATEST), UTC), usegmt=True)


def read_http_date(text: str) -> float | None:
    """Seconds since 1970, None for what is no date of HTTP."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
