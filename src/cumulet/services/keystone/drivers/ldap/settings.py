# SPDX-License-Identifier: Apache-2.0
"""How to reach a directory, and what its entries mean: the options of upstream's section [ldap]."""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_origin

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True, kw_only=True)
class LdapSettings:
    """Names and defaults are upstream's. Times are in seconds; -1 is no limit of their own.

    `debug_level` and `user_pass_attribute` are taken and mean nothing: we write no entry.
    """

    url: str = "ldap://localhost"
    randomize_urls: bool = False
    user: str | None = None
    password: str | None = None
    suffix: str = "cn=example,cn=com"
    query_scope: str = "one"
    page_size: int = 0
    alias_dereferencing: str = "default"
    debug_level: int | None = None
    chase_referrals: bool | None = None
    connection_timeout: int = -1

    user_tree_dn: str | None = None
    user_filter: str | None = None
    user_objectclass: str = "inetOrgPerson"
    user_id_attribute: str = "cn"
    user_name_attribute: str = "sn"
    user_mail_attribute: str = "mail"
    user_description_attribute: str = "description"
    user_pass_attribute: str = "userPassword"
    user_enabled_attribute: str = "enabled"
    user_enabled_invert: bool = False
    user_enabled_mask: int = 0
    user_enabled_default: str = "True"
    user_attribute_ignore: tuple[str, ...] = ("default_project_id",)
    user_default_project_id_attribute: str | None = None
    user_enabled_emulation: bool = False
    user_enabled_emulation_dn: str | None = None
    user_enabled_emulation_use_group_config: bool = False
    user_additional_attribute_mapping: tuple[str, ...] = ()

    group_tree_dn: str | None = None
    group_filter: str | None = None
    group_objectclass: str = "groupOfNames"
    group_id_attribute: str = "cn"
    group_name_attribute: str = "ou"
    group_members_are_ids: bool = False
    group_member_attribute: str = "member"
    group_desc_attribute: str = "description"
    group_attribute_ignore: tuple[str, ...] = ()
    group_additional_attribute_mapping: tuple[str, ...] = ()
    group_ad_nesting: bool = False

    tls_cacertfile: str | None = None
    tls_cacertdir: str | None = None
    use_tls: bool = False
    tls_req_cert: str = "demand"

    use_pool: bool = True
    pool_size: int = 10
    pool_retry_max: int = 3
    pool_retry_delay: float = 0.1
    pool_connection_timeout: int = -1
    pool_connection_lifetime: int = 600
    use_auth_pool: bool = True
    auth_pool_size: int = 100
    auth_pool_connection_lifetime: int = 60

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """The settings of options as they came in JSON, where numbers and flags may be text.

        Raises ValueError with a sentence for a value that an option cannot have.
        """
        kinds = {spec.name: _kind(spec.type) for spec in fields(cls)}
        values = {
            name: _READERS[kinds[name]](name, value)
            for name, value in given.items()
            if name in kinds and value is not None
        }
        for name, choices in _CHOICES.items():
            if name in values and values[name] not in choices:
                raise ValueError(f"ldap.{name} must be one of {', '.join(choices)}, not {values[name]!r}")
        for name, least in _LEAST.items():
            if values.get(name, least) < least:
                raise ValueError(f"ldap.{name} must be at least {least}, not {values[name]}")
        return cls(**values)


_CHOICES = {
    "query_scope": ("one", "sub"),
    "alias_dereferencing": ("never", "searching", "always", "finding", "default"),
    "tls_req_cert": ("demand", "never", "allow"),
}


_LEAST = {
    "page_size": 0,
    "user_enabled_mask": 0,
    "connection_timeout": -1,
    "pool_size": 1,
    "pool_retry_max": 1,
    "pool_retry_delay": 0,
    "pool_connection_timeout": -1,
    "pool_connection_lifetime": 1,
    "auth_pool_size": 1,
    "auth_pool_connection_lifetime": 1,
}


def _text(name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError(f"ldap.{name} must be text")
    return str(value)


def _number(kind: Callable[[Any], Any], what: str) -> Callable[[str, Any], Any]:
    def read(name: str, value: Any) -> Any:
        try:
            if isinstance(value, bool):
                raise ValueError
            return kind(value)
        except (ValueError, TypeError):
            raise ValueError(f"ldap.{name} must be {what}, not {value!r}") from None

    return read


def _flag(name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"ldap.{name} must be true or false, not {value!r}")
    return word in _TRUE


def _list(name: str, value: Any) -> tuple[str, ...]:
    """A JSON list, or text with commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        raise ValueError(f"ldap.{name} must be a list, not {value!r}")
    return tuple(word for item in words if (word := str(item).strip()))


def _kind(annotation: Any) -> Any:
    """The plain type of an annotation: `str` of `str | None`."""
    if isinstance(annotation, types.UnionType):
        annotation = annotation.__args__[0]
    return get_origin(annotation) or annotation


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    str: _text,
    bool: _flag,
    int: _number(int, "a whole number"),
    float: _number(float, "a number"),
    tuple: _list,
}
