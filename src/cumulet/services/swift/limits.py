# SPDX-License-Identifier: Apache-2.0
"""How large and how many: the constraints that `/info` tells of, and the refusals of what passes them."""

from cumulet.kernel.errors import BadRequest
from cumulet.services.swift.names import Place

MAX_FILE_SIZE = 5 * 2**30 + 2
MAX_META_NAME = 128
MAX_META_VALUE = 256
MAX_META_COUNT = 90
MAX_META_OVERALL = 4096
MAX_HEADER = 8192
MAX_HEADERS = MAX_META_COUNT + 36
MAX_OBJECT_NAME = 1024
MAX_CONTAINER_NAME = 256
MAX_ACCOUNT_NAME = 256
LISTING = 10000

CONSTRAINTS = {
    "max_file_size": MAX_FILE_SIZE,
    "max_meta_name_length": MAX_META_NAME,
    "max_meta_value_length": MAX_META_VALUE,
    "max_meta_count": MAX_META_COUNT,
    "max_meta_overall_size": MAX_META_OVERALL,
    "max_header_size": MAX_HEADER,
    "max_object_name_length": MAX_OBJECT_NAME,
    "max_container_name_length": MAX_CONTAINER_NAME,
    "max_account_name_length": MAX_ACCOUNT_NAME,
    "container_listing_limit": LISTING,
    "account_listing_limit": LISTING,
    "extra_header_count": 0,
}


def require_names(place: Place) -> None:
    """Raise BadRequest for a name that is too long to be made."""
    if len(place.container.encode()) > MAX_CONTAINER_NAME:
        raise BadRequest(
            f"Container name length of {len(place.container.encode())} longer than {MAX_CONTAINER_NAME}"
        )
    if len(place.name.encode()) > MAX_OBJECT_NAME:
        raise BadRequest(f"Object name length of {len(place.name.encode())} longer than {MAX_OBJECT_NAME}")
