# SPDX-License-Identifier: Apache-2.0
"""The smallest valid qcow2 image."""

import struct

_CLUSTER = 65536
_HEADER_LENGTH = 104
_BYTES_PER_L1_ENTRY = _CLUSTER // 8 * _CLUSTER


def empty_qcow2(virtual_bytes: int) -> bytes:
    """A qcow2 image (version 3) without data.

    Its clusters: the header, the refcount table, one block of refcounts, and the L1 table.
    """
    l1_entries = max(1, -(-virtual_bytes // _BYTES_PER_L1_ENTRY))
    l1_clusters = -(-l1_entries * 8 // _CLUSTER)
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        b"QFI\xfb",
        3,
        0,  # no backing file
        0,
        16,  # clusters of 2**16 bytes
        virtual_bytes,
        0,  # not encrypted
        l1_entries,
        3 * _CLUSTER,
        _CLUSTER,
        1,  # cluster of refcount table
        0,  # no snapshots
        0,
        0,  # no incompatible,
        0,  # compatible
        0,  # or automatically cleared features
        4,  # refcounts of 2**4 bits
        _HEADER_LENGTH,
    )
    refcounts = struct.pack(">H", 1) * (3 + l1_clusters)
    clusters = [header, struct.pack(">Q", 2 * _CLUSTER), refcounts, bytes(l1_clusters * _CLUSTER)]
    return b"".join(cluster.ljust(_CLUSTER, b"\0") for cluster in clusters)
