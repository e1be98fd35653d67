# SPDX-License-Identifier: Apache-2.0
"""Identifiers in the two forms that clients know."""

import uuid


def dashed() -> str:
    """A new id as Nova, Neutron, Cinder and Glance write it."""
    return str(uuid.uuid4())


def plain() -> str:
    """A new id as Keystone writes it: 32 hex digits without dashes."""
    return uuid.uuid4().hex


def request_id() -> str:
    return f"req-{uuid.uuid4()}"


def is_uuid(text: str) -> bool:
    """Whether the text reads as a UUID, with or without dashes and in any case."""
    try:
        canonical = str(uuid.UUID(text))
    except (ValueError, AttributeError, TypeError):
        return False
    return canonical.replace("-", "") == text.replace("-", "").lower()
