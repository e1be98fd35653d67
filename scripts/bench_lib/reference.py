# SPDX-License-Identifier: Apache-2.0
"""What the reference implementation costs: six services from PyPI on a quiet machine with 2 cores.

CPU milliseconds of all its processes for each request, by case and by how many requests there were at once.
"""

START_SECONDS = 32.0
FOOTPRINT = 3.9 * 1024
"""Resident MiB of all services when idle."""

WANTED_RATIO = 20.0
"""What a request may cost at most, as a part of the reference's."""

CPU_MS: dict[tuple[str, int], float] = {
    ("token issue (password, scoped)", 1): 254,
    ("token issue (password, scoped)", 16): 248,
    ("token issue (token method)", 1): 7.5,
    ("token issue (token method)", 16): 6.1,
    ("token validate (same token)", 1): 4.9,
    ("token validate (same token)", 16): 7.7,
    ("token validate (40 fresh tokens, once each)", 1): 10,
    ("GET /v3/projects", 1): 12,
    ("GET /v3/projects", 16): 9.5,
    ("GET images?limit=200 (200 images)", 1): 71,
    ("GET images?limit=200 (200 images)", 16): 70,
    ("GET one image", 1): 5.3,
    ("GET one image", 16): 4.5,
    ("GET networks (1,000, one page)", 1): 806,
    ("GET networks (1,000, one page)", 16): 725,
    ("GET networks?limit=100", 1): 77,
    ("GET ports (1,000, one page)", 1): 682,
    ("GET ports (1,000, one page)", 16): 863,
    ("GET ports?limit=100", 1): 77,
    ("POST network", 1): 97,
    ("POST network", 16): 84,
    ("POST port", 1): 310,
    ("POST port", 16): 236,
    ("GET allocation_candidates (500 RPs, no limit)", 1): 103,
    ("GET allocation_candidates (500 RPs, no limit)", 16): 102,
    ("GET resource_providers (500)", 1): 24,
    ("GET servers/detail?limit=1000 (500 servers)", 1): 1710,
    ("GET servers/detail?limit=50", 1): 241,
    ("GET one server", 1): 79,
    ("GET flavors/detail (20 flavors)", 1): 34,
    ("GET flavors/detail (20 flavors)", 16): 15,
    ("create server -> ACTIVE, one at a time (network: none)", 1): 1040,
    ("create server -> ACTIVE, one at a time (network: 1 port)", 1): 2229,
    ("create 100 servers at once -> all ACTIVE (1 port)", 16): 2264,
    ("delete 20 servers at once -> all gone", 8): 592,
    ("create volume -> available, one at a time", 1): 286,
    ("create 100 volumes at once -> all available", 16): 274,
    ("GET volumes/detail?limit=1000 (500 volumes)", 1): 228,
    ("GET volumes/detail?limit=1000 (500 volumes)", 16): 223,
}
"""500 servers in detail are taken as 500/600 of what 600 were measured to cost."""

SERVER_CPU_MS = CPU_MS["create server -> ACTIVE, one at a time (network: 1 port)", 1]
SERVER_P50_MS = 1420.0


def is_exempt(case: str) -> bool:
    """Hashing a password costs what it must, and DELETE has no figure of its own."""
    return "password" in case or case.startswith(("DELETE", "delete"))
