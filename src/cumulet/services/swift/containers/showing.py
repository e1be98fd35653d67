# SPDX-License-Identifier: Apache-2.0
"""What is said of a container."""

from cumulet.services.swift import access, times
from cumulet.services.swift.access import Grant
from cumulet.services.swift.model import Container
from cumulet.services.swift.storage_policy import HEADER, POLICY

_KEYS = "X-Container-Meta-Temp-Url-Key"
_HIDDEN = (access.READ, access.WRITE, _KEYS, f"{_KEYS}-2")


def container_headers(container: Container, grant: Grant) -> dict[str, str]:
    """Its counters and metadata; who may read and write only to its owner."""
    said = container.headers
    if not grant.owner:
        said = {name: value for name, value in said.items() if name not in _HIDDEN}
    found = {
        "X-Container-Object-Count": str(container.objects),
        "X-Container-Bytes-Used": str(container.bytes),
        "X-Timestamp": times.stamp(container.created_at),
        "X-Put-Timestamp": times.stamp(container.created_at),
        "Last-Modified": times.http_date(container.updated_at),
        "Accept-Ranges": "bytes",
        HEADER: POLICY,
        **said,
    }
    if container.versioned is not None:
        found["X-Versions-Enabled"] = str(container.versioned)
    return found
