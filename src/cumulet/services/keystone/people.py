# SPDX-License-Identifier: Apache-2.0
"""Users, groups and who is in which, as rows."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx, column, json_column
from cumulet.kernel.resource import field, given, ident, loaded
from cumulet.kernel.resource.views import OMIT
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone import compliance
from cumulet.services.keystone.entity import ID, NAME_255, TEXT_OR_NULL, Entity
from cumulet.services.keystone.federation.identities import FEDERATED, federated_of
from cumulet.services.keystone.settings import KeystoneSettings

_FLAG = {"type": ["boolean", "null"]}
USER_OPTIONS = {
    "type": "object",
    "properties": {
        "ignore_change_password_upon_first_use": _FLAG,
        "ignore_password_expiry": _FLAG,
        "ignore_lockout_failure_attempts": _FLAG,
        "lock_password": _FLAG,
        "ignore_user_inactivity": _FLAG,
        "multi_factor_auth_enabled": _FLAG,
        "multi_factor_auth_rules": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
            "uniqueItems": True,
        },
    },
    "additionalProperties": False,
}


class Shadow(Entity):
    """What users and groups have in common: a row may stand for an entry of its domain's directory."""

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        return cls.c.gone.is_(False)

    @classmethod
    def known_to(cls, tx: Tx, ctx: Context, row: Any) -> bool:
        return not row.gone


def _omit_if_none(ctx: Context, row: Any) -> Any:
    return row.default_project_id if row.default_project_id is not None else OMIT


def _is_enabled(ctx: Context, row: Any) -> bool:
    settings = ctx.app.contract(KeystoneSettings)
    if settings.disable_user_account_days_inactive is None:
        return bool(row.enabled)
    return compliance.is_enabled(settings, row, ctx.app.clock.now())


class User(
    Shadow,
    service="keystone",
    path="/users",
    member="user",
    unique=(("domain_id", "name", "local_id", "visitor"),),
):
    """Somebody, or some program, who can prove who they are."""

    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, update=True, filter=True, sort=True, schema=NAME_255)
    domain_id: str = field(default="", create=True, update=True, filter=True, sort=True, schema=ID)
    enabled: bool = field(default=True, create=True, update=True, filter=True, sort=True, view=_is_enabled)
    default_project_id: str | None = field(
        default=None, create=True, update=True, filter=True, schema=TEXT_OR_NULL, view=_omit_if_none
    )
    password: str | None = given(default=None, update=True)
    password_expires_at: Timestamp | None = field(default=None)
    options: dict[str, Any] = field(default_factory=dict, create=True, update=True, schema=USER_OPTIONS)
    federated: list[Any] = loaded(federated_of, default=OMIT, create=True, update=True, schema=FEDERATED)
    visitor: str = column(default="")
    """The own id of who is known only from identity providers, where names may be alike; empty for others."""
    password_hash: str | None = column(default=None)
    password_created_at: Timestamp | None = column(default=None)
    password_self_service: bool = column(default=False)
    """Whether the user chose it, and not an administrator."""
    failed_auth_count: int = column(default=0)
    """How often a wrong password was tried since the last right one."""
    failed_auth_at: Timestamp | None = column(default=None)
    last_active_at: Timestamp | None = column(default=None)
    """The first login on the day of the last one."""
    created_at: Timestamp = column(default=Timestamp(""))
    extra: dict[str, Any] = json_column(default_factory=dict)
    generation: int = column(default=0)
    """Tokens name the generation in which they were issued; a new one ends them all."""
    local_id: str = column(default="")
    """The id by which the domain's directory knows them; empty for who lives here."""
    gone: bool = column(default=False)
    """Whether the directory knows them no longer."""


class OldPassword(Row, table="keystone_old_passwords"):
    """The hash of a password that a user had before, kept as long as they may not have it again."""

    id: str = column(primary=True, default_factory=ids.plain)
    user_id: str = column(index=True, references="keystone_users.id", on_delete="CASCADE")
    hash: str = column()
    created_at: Timestamp = column()


class Group(
    Shadow, service="keystone", path="/groups", member="group", unique=(("domain_id", "name", "local_id"),)
):
    """Users who get roles together."""

    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, update=True, filter=True, sort=True, schema=NAME_255)
    domain_id: str = field(default="", create=True, update=True, filter=True, sort=True, schema=ID)
    description: str | None = field(default="", create=True, update=True, filter=True)
    extra: dict[str, Any] = json_column(default_factory=dict)
    local_id: str = column(default="")
    gone: bool = column(default=False)


class Membership(Row, table="keystone_memberships"):
    """A user is in a group; for some time only, if an identity provider says so."""

    id: str = column(primary=True)
    group_id: str = column(index=True, references="keystone_groups.id", on_delete="CASCADE")
    user_id: str = column(index=True)
    idp_id: str | None = column(
        default=None, index=True, references="keystone_identity_providers.id", on_delete="CASCADE"
    )
    expires_at: Timestamp | None = column(default=None, index=True)


def membership_id(group_id: str, user_id: str) -> str:
    return f"{group_id}/{user_id}"


def memberships_of(tx: Tx, user_id: str) -> list[Membership]:
    """What makes a user a member of groups now."""
    found = tx.all(Membership, Membership.c.user_id == user_id)
    return [row for row in found if row.expires_at is None or row.expires_at > tx.now]


def groups_of(tx: Tx, user_id: str) -> list[str]:
    """Ids of the groups that a user is in."""
    return list(dict.fromkeys(row.group_id for row in memberships_of(tx, user_id)))


def members_of(tx: Tx, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the users in each group."""
    found: dict[str, dict[str, None]] = {}
    for row in tx.all(Membership, Membership.c.group_id.in_(group_ids)):
        if row.expires_at is None or row.expires_at > tx.now:
            found.setdefault(row.group_id, {})[row.user_id] = None
    return {group_id: list(members) for group_id, members in found.items()}
