# SPDX-License-Identifier: Apache-2.0
"""What an operator may want otherwise; the defaults are upstream's."""

from dataclasses import dataclass
from typing import Literal

Digest = Literal["sha1", "sha256", "sha512"]


@dataclass(frozen=True, kw_only=True)
class SwiftSettings:
    """`allowed_digests` are those with which addresses and forms may be signed."""

    allowed_digests: tuple[Digest, ...] = ("sha256", "sha512")
