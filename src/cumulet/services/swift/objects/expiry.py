# SPDX-License-Identifier: Apache-2.0
"""When an object is to expire, as its headers say it."""

from collections.abc import Mapping

from cumulet.kernel.errors import BadRequest
from cumulet.lib.timestamps import Timestamp
from cumulet.services.swift import times

_LATEST = 9999999999


def delete_at(sent: Mapping[str, str], now: Timestamp) -> int | None:
    """Seconds since 1970, None for an object that stays. Raises BadRequest for what is over already."""
    present = times.seconds(now)
    if (after := sent.get("x-delete-after")) is not None:
        return _ahead(present + _number(after, "X-Delete-After"), present, "X-Delete-After")
    if (at := sent.get("x-delete-at")) is not None:
        return _ahead(_number(at, "X-Delete-At"), present, "X-Delete-At")
    return None


def _number(text: str, name: str) -> int:
    try:
        return int(text[:20])
    except ValueError:
        raise BadRequest(f"Non-integer {name}") from None


def _ahead(moment: int, present: int, name: str) -> int:
    if moment <= present:
        raise BadRequest(f"{name} in past")
    return min(moment, _LATEST)
