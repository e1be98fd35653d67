# SPDX-License-Identifier: Apache-2.0
"""Names that users give to things, and the host names that guests get from them."""

import re
import unicodedata

from cumulet.kernel.errors import Invalid

_WRONG = (
    "An invalid 'name' value was provided. The name must be: printable characters. "
    "Can not start or end with whitespace."
)
_NOT_IN_HOSTNAMES = re.compile(r"[^\w.-]+", re.ASCII)


def is_printable(text: str) -> bool:
    """Whether every character can be seen, spaces among them."""
    return all(unicodedata.category(letter) not in ("Cc", "Cn", "Zl", "Zp", "Co", "Cs") for letter in text)


def check_name(name: str, field: str = "name") -> str:
    """The name, if it is one. Raises Invalid with upstream's sentence."""
    if not name or name != name.strip() or not is_printable(name):
        raise Invalid(f"Invalid input for field/attribute {field}. Value: {name}. {_WRONG}")
    return name


def hostname_of(name: str, otherwise: str) -> str:
    """The name as a host name: what cannot stand in one is dropped, `otherwise` when nothing is left.

    Letters without accents stay; spaces and underscores become hyphens; 63 characters at most.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[ _.]", "-", plain)
    plain = _NOT_IN_HOSTNAMES.sub("", plain).strip(".-").lower()
    return plain[:63].strip("-.") or otherwise
