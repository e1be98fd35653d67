# SPDX-License-Identifier: Apache-2.0
"""Quotas: of containers, which their owners set among the metadata, and of accounts, which resellers set."""

from collections.abc import Mapping

from cumulet.kernel.errors import BadRequest, Forbidden, TooLarge
from cumulet.services.swift.asked import Found
from cumulet.services.swift.storage_policy import POLICY

_BYTES, _COUNT = "X-Account-Quota-Bytes", "X-Account-Quota-Count"
_OF_POLICY = f"-Policy-{POLICY}".title()
OF_ACCOUNT = (_BYTES, _COUNT, f"{_BYTES}{_OF_POLICY}", f"{_COUNT}{_OF_POLICY}")
_OLD_NAMES = {_BYTES.lower(): "x-account-meta-quota-bytes"}
_CONTAINER_BYTES, _CONTAINER_COUNT = "X-Container-Meta-Quota-Bytes", "X-Container-Meta-Quota-Count"


def require_room(found: Found, size: int | None, *, bound_by_account: bool = True) -> None:
    """Raise TooLarge unless an object of so many bytes, or of nobody knows how many, fits at a place."""
    container, account = found.container, found.account
    longer, more = (size or 0) - _freed(found), 0 if found.object else 1
    if container is not None:
        _require(container.headers, _CONTAINER_BYTES, container.bytes, longer)
        _require(container.headers, _CONTAINER_COUNT, container.objects, more)
    if account is not None and bound_by_account:
        for name in OF_ACCOUNT:
            used, added = (account.objects, more) if "Count" in name else (account.bytes, longer)
            _require(account.headers, name, used, added)


def _freed(found: Found) -> int:
    """How many bytes go when the object at a place is replaced."""
    old, container = found.object, found.container
    kept = old is None or container is None or bool(container.versioned or old.version)
    return 0 if kept or old is None else old.size


def _require(headers: Mapping[str, str], name: str, used: int, more: int) -> None:
    if (limit := headers.get(name)) and more > 0 and used + more > int(limit):
        kind = "policy quota" if name.endswith(_OF_POLICY) else "quota"
        raise TooLarge(f"Upload exceeds {kind}.")


def of_container(changes: Mapping[str, str]) -> None:
    """Raise BadRequest for a container's quota that is no number."""
    for name, what in ((_CONTAINER_BYTES, "bytes"), (_CONTAINER_COUNT, "count")):
        if (value := changes.get(name)) and not _is_number(value):
            raise BadRequest(f"Invalid {what} quota.")


def of_account(sent: Mapping[str, str], *, reseller: bool) -> dict[str, str]:
    """The quotas that a request sets, "" for one that it takes away.

    Raises Forbidden for who is no reseller, BadRequest for what is no number.
    """
    found = {name: value for name in OF_ACCOUNT if (value := _asked(sent, name.lower())) is not None}
    if found and not reseller:
        raise Forbidden
    if any(value and not _is_number(value) for value in found.values()):
        raise BadRequest
    return found


def _asked(sent: Mapping[str, str], name: str) -> str | None:
    old = _OLD_NAMES.get(name, name)
    if sent.get(name.replace("x-", "x-remove-", 1)) or sent.get(old.replace("x-", "x-remove-", 1)):
        return ""
    return sent.get(name, sent.get(old))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
