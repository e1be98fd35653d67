# SPDX-License-Identifier: Apache-2.0
"""What entries of a directory mean: which are users and groups, and what their attributes say."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.dn import parse_dn

from cumulet.services.keystone.drivers.directory import DirectoryGroup, DirectoryUser
from cumulet.services.keystone.drivers.ldap import filters
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings

_UUID_SIZE = 16


@dataclass(frozen=True)
class Entry:
    """One entry as it was found. Names of attributes are in lower case."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def texts(self, attribute: str) -> list[str]:
        """The values of an attribute; those that are no text, such as pictures, are left out."""
        values = self.attributes.get(attribute.lower(), ())
        if attribute.lower() == filters.GUID:
            return [_uuid(value) for value in values if len(value) == _UUID_SIZE]
        return [text for value in values if (text := _text(value)) is not None]

    def text(self, attribute: str | None) -> str | None:
        found = self.texts(attribute) if attribute else []
        return found[0] if found else None


def _text(value: bytes) -> str | None:
    """UTF-8 without NUL; other 16 bytes are a UUID, as upstream has it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    return _uuid(value) if len(value) == _UUID_SIZE else None


def _uuid(value: bytes) -> str:
    """What 16 bytes mean, in the order that Active Directory has them in."""
    return str(uuid.UUID(bytes_le=value))


def normal(dn: str) -> str:
    """A DN in the one form in which equal ones are equal."""
    try:
        parts = parse_dn(dn, escape=False, strip=True)
    except LDAPInvalidDnError:
        return dn.lower()
    return ",".join(f"{name.strip().lower()}={' '.join(value.lower().split())}" for name, value, _ in parts)


@dataclass(frozen=True)
class Shape:
    """Where the entries of one kind are, and what their attributes are called.

    `names` are attributes by what we call them, `extra` the names under which others are shown.
    """

    tree: str
    object_class: str
    filter: str
    id: str
    names: Mapping[str, str]
    extra: Mapping[str, str]

    @property
    def attributes(self) -> list[str]:
        return sorted({self.id, *self.names.values(), *self.extra})

    def matching(self, *conditions: str) -> str:
        """The filter for entries of this kind that meet the conditions."""
        return filters.all_of(filters.equals("objectClass", self.object_class), self.filter, *conditions)

    def id_of(self, entry: Entry) -> str | None:
        """Of several values the one in the entry's name counts."""
        values = entry.texts(self.id)
        if len(values) > 1:
            name, _, rest = entry.dn.partition("=")
            named = [value for value in values if rest.lower().startswith(f"{value.lower()},")]
            return named[0] if name.lower() == self.id.lower() and named else min(values)
        return values[0] if values else None

    def name_of(self, entry: Entry) -> str:
        return (entry.text(self.names["name"]) or "").strip()

    def extra_of(self, entry: Entry, *more: str) -> dict[str, Any]:
        shown = {name: entry.text(self.names[name]) for name in more if name in self.names}
        shown |= {name: entry.text(attribute) for attribute, name in self.extra.items()}
        return {name: value for name, value in shown.items() if value is not None}


def user_shape(settings: LdapSettings) -> Shape:
    s = settings
    names = {
        "name": s.user_name_attribute,
        "email": s.user_mail_attribute,
        "description": s.user_description_attribute,
        "default_project_id": s.user_default_project_id_attribute,
        "enabled": s.user_enabled_attribute,
    }
    return Shape(
        tree=s.user_tree_dn or f"ou=Users,{s.suffix}",
        object_class=s.user_objectclass,
        filter=filters.enclosed(s.user_filter),
        id=s.user_id_attribute,
        names=_heeded(names, s.user_attribute_ignore),
        extra=_pairs(s.user_additional_attribute_mapping),
    )


def group_shape(settings: LdapSettings) -> Shape:
    s = settings
    names = {"name": s.group_name_attribute, "description": s.group_desc_attribute}
    return Shape(
        tree=s.group_tree_dn or f"ou=UserGroups,{s.suffix}",
        object_class=s.group_objectclass,
        filter=filters.enclosed(s.group_filter),
        id=s.group_id_attribute,
        names=_heeded(names, s.group_attribute_ignore),
        extra=_pairs(s.group_additional_attribute_mapping),
    )


def _heeded(names: Mapping[str, str | None], ignored: Sequence[str]) -> dict[str, str]:
    return {
        name: attribute
        for name, attribute in names.items()
        if attribute and (name == "name" or name not in ignored)
    }


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """`attribute:name` each. Raises ValueError for what is no such pair."""
    found = {}
    for word in words:
        attribute, colon, name = word.partition(":")
        if not (attribute and colon and name):
            raise ValueError(f"an additional attribute is mapped by attribute:name, not by {word!r}")
        found[attribute] = name
    return found


def as_user(settings: LdapSettings, shape: Shape, entry: Entry) -> DirectoryUser | None:
    """The user that an entry is; None for one without an id or a name."""
    id, name = shape.id_of(entry), shape.name_of(entry)
    if not id or not name:
        return None
    project = shape.names.get("default_project_id")
    return DirectoryUser(
        id=id,
        name=name,
        place=entry.dn,
        enabled=_is_enabled(settings, shape, entry),
        default_project_id=entry.text(project),
        extra=shape.extra_of(entry, "email", "description"),
    )


def _is_enabled(settings: LdapSettings, shape: Shape, entry: Entry) -> bool:
    """By a bit that disables (Active Directory), or by a word that enables or, inverted, locks."""
    if "enabled" not in shape.names:
        return True
    text = entry.text(shape.names["enabled"])
    if text is None:
        text = settings.user_enabled_default
    if settings.user_enabled_mask:
        try:
            return int(text) & settings.user_enabled_mask != settings.user_enabled_mask
        except ValueError:
            return False
    word = text.lower() == "true"
    return not word if settings.user_enabled_invert else word


def as_group(shape: Shape, entry: Entry) -> DirectoryGroup | None:
    """The group that an entry is; None for one without an id or a name."""
    id, name = shape.id_of(entry), shape.name_of(entry)
    if not id or not name:
        return None
    description = entry.text(shape.names.get("description")) or ""
    return DirectoryGroup(
        id=id, name=name, place=entry.dn, description=description, extra=shape.extra_of(entry)
    )
