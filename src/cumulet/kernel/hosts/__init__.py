# SPDX-License-Identifier: Apache-2.0
"""The control plane's side of hosts: documents down, reports up, calls.

A document is published in the transaction that changes its rows, under the next generation of its host. The
host is given a hint after the commit and fetches; what it reports is stored, handed to the service that
owns the kind, and wakes whoever waits for it.
"""

from cumulet.kernel.hosts.documents import (
    DocumentRow,
    HostFailed,
    HostRow,
    ImageSource,
    MetadataSource,
    ever_told,
    hosts_of,
    publish,
    published,
    reaching,
    withdraw,
)

__all__ = [
    "DocumentRow",
    "HostFailed",
    "HostRow",
    "ImageSource",
    "MetadataSource",
    "ever_told",
    "hosts_of",
    "publish",
    "published",
    "reaching",
    "withdraw",
]
