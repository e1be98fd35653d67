# SPDX-License-Identifier: Apache-2.0
"""Versions as requests name them."""

import re

from cumulet.kernel.errors import BadRequest
from cumulet.services.swift.model import Container

_ID = re.compile(r"\d{10}\.\d{5}", re.ASCII)


def require_version(container: Container, version: str) -> None:
    """Raise BadRequest for what is no id of a version, and where no versions were ever kept."""
    if version != "null" and not _ID.fullmatch(version):
        raise BadRequest("Invalid version parameter")
    if container.versioned is None and version != "null":
        raise BadRequest("version-aware operations require that the container is versioned")
