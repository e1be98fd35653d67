# SPDX-License-Identifier: Apache-2.0
"""Microversions: which one a request asks for, and which one it gets.

A microversion is compared as one integer, so 2.10 is 2010 and greater than 2.9, which is 2009.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cumulet.kernel.errors import BadRequest, NotAcceptable

ALWAYS = 0
EVER = 10**9
_FORM = re.compile(r"([1-9]\d*)\.([1-9]\d*|0)", re.ASCII)


@functools.cache
def microversion(text: str) -> int:
    """'2.104' as 2104. ValueError when it is not of the form X.Y."""
    match = _FORM.fullmatch(text)
    if match is None or int(match[2]) > 999:
        raise ValueError(f"{text!r} is not a version of the form X.Y")
    return int(match[1]) * 1000 + int(match[2])


def dotted(version: int) -> str:
    """2104 as '2.104'."""
    return f"{version // 1000}.{version % 1000}"


@dataclass(frozen=True)
class Microversions:
    """The range that a service speaks, and the headers in which it is asked for.

    `type` is the word before the version in `OpenStack-API-Version: compute 2.1`; `legacy_header` a header
    of the service's own that carries the bare version.
    """

    type: str
    minimum: str
    maximum: str
    legacy_header: str = ""

    @functools.cached_property
    def bounds(self) -> tuple[int, int]:
        return microversion(self.minimum), microversion(self.maximum)

    def negotiate(self, headers: Mapping[str, str]) -> int:
        """The version that the request asks for, the minimum when it asks for none.

        Raises BadRequest when it cannot be read and NotAcceptable when it is outside the range.
        """
        asked = self._asked(headers)
        low, high = self.bounds
        if asked is None:
            return low
        if asked == "latest":
            return high
        try:
            version = microversion(asked)
        except ValueError:
            raise BadRequest(
                f"API Version String '{asked}' is of invalid format. Must be of format MajorNum.MinorNum."
            ) from None
        if not low <= version <= high:
            raise NotAcceptable(
                f"Version {asked} is not supported by the API. "
                f"Minimum is {self.minimum} and maximum is {self.maximum}."
            )
        return version

    def _asked(self, headers: Mapping[str, str]) -> str | None:
        for part in headers.get("openstack-api-version", "").split(","):
            words = part.split()
            if len(words) == 2 and words[0].lower() == self.type:
                return words[1]
        if self.legacy_header:
            return headers.get(self.legacy_header.lower())
        return None

    def headers(self, version: int) -> list[tuple[str, str]]:
        """What an answer says of the version it was made by."""
        number = dotted(version)
        found = [("OpenStack-API-Version", f"{self.type} {number}")]
        vary = "OpenStack-API-Version"
        if self.legacy_header:
            found.append((self.legacy_header, number))
            vary += f", {self.legacy_header}"
        return [*found, ("Vary", vary)]
