# SPDX-License-Identifier: Apache-2.0
"""Who asks: what a token says, and the context that every operation is handed."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from cumulet.kernel.auth.refusals import Denial
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import NotPermitted
from cumulet.kernel.versions import microversion
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.app import App
    from cumulet.kernel.service import Running

P = ParamSpec("P")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a valid token says of its bearer. `roles` holds the names of implied roles too."""

    user_id: str
    user_name: str = ""
    user_domain_id: str | None = None
    user_domain_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system_scope: str | None = None
    roles: tuple[str, ...] = ()
    role_ids: tuple[str, ...] = ()
    is_admin_project: bool = True
    expires_at: Timestamp = Timestamp("")
    token: str = dataclasses.field(default="", repr=False)
    audit_ids: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    trust_id: str | None = None
    trustor_id: str | None = None
    application_credential_id: str | None = None
    access_token_id: str | None = None
    access_rules: tuple[Mapping[str, str], ...] | None = None
    thumbprint: str = ""
    """That of the certificate with which alone the token is good; empty for one that its bearer may use."""


ANONYMOUS = Identity(user_id="")


class Authenticator(Protocol):
    """What turns a token into an identity. Keystone provides it."""

    def verify(self, tx: Tx, token: str, *, allow_expired: bool) -> Identity | None:
        """The identity behind a token, None when it is unknown, expired or revoked."""

    def has_shown(self, thumbprint: str, headers: Mapping[str, str]) -> bool:
        """Whether a request comes from who has shown this certificate."""

    def epoch(self) -> int:
        """Grows whenever what an earlier `verify` answered may no longer hold."""


@dataclasses.dataclass(eq=False)
class Context:
    """One caller's request of one service: who, in which version, and what they may.

    `version` is the negotiated microversion as an integer, 0 where the service has none. `base_url` is the
    address by which the caller came, up to and with the service's path; `address` is the caller's own, as the
    server sees it.
    """

    app: "App"
    service: "Running"
    identity: Identity
    request_id: str
    version: int = 0
    base_url: str = ""
    address: str = ""
    service_roles: tuple[str, ...] = ()
    elevated: bool = False
    denied: dict[str, Denial] = dataclasses.field(default_factory=dict, repr=False)
    """What policy has said no to in this request, the last time for each rule: there may be others left."""

    @property
    def user_id(self) -> str:
        return self.identity.user_id

    @property
    def project_id(self) -> str | None:
        return self.identity.project_id

    def at(self, version: str) -> bool:
        """Whether the request was made in this microversion or a later one."""
        return self.version >= microversion(version)

    @cached_property
    def creds(self) -> dict[str, Any]:
        """The caller as policy rules see it, with the names that oslo.context gives."""
        who = self.identity
        return {
            "user_id": who.user_id,
            "user": who.user_id,
            "project_id": who.project_id,
            "tenant_id": who.project_id,
            "tenant": who.project_id,
            "domain_id": who.domain_id,
            "system_scope": who.system_scope,
            "user_domain_id": who.user_domain_id,
            "project_domain_id": who.project_domain_id,
            "roles": list(who.roles),
            "service_roles": list(self.service_roles),
            "is_admin": self.elevated,
            "is_admin_project": who.is_admin_project,
            "trust_id": who.trust_id,
            "trustor_id": who.trustor_id,
            "application_credential_id": who.application_credential_id,
            "token": {
                "domain": {"id": who.domain_id},
                "project": {"domain": {"id": who.project_domain_id}},
                "user": {"domain": {"id": who.user_domain_id}},
            },
        }

    @property
    def own(self) -> dict[str, Any]:
        """A policy target that is the caller's own."""
        who = self.identity
        return {
            "user_id": who.user_id,
            "project_id": who.project_id,
            "tenant_id": who.project_id,
            "domain_id": who.domain_id,
        }

    def can(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the policy allows it; the target is the caller's own when none is given."""
        asked = self.own if target is None else target
        if self.elevated or self.service.policy.check(rule, self.creds, asked):
            return True
        self.denied[rule] = Denial(self.service.name, self.service.policy, self.creds, dict(asked))
        return False

    def require(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Raise NotPermitted unless the policy allows it."""
        if not self.can(rule, target):
            raise self.refusal(rule, target)

    def refusal(self, rule: str, target: Mapping[str, Any] | None = None) -> NotPermitted:
        """The error of what policy has just said no to, and kept for it why.

        A target may read what it is asked for, and could do so only now, within its transaction.
        """
        asked = self.own if target is None else target
        self.denied[rule] = self.denied[rule].explained(rule, asked)
        return NotPermitted(rule=rule)

    @cached_property
    def is_admin(self) -> bool:
        """Whether the service's own notion of an administrator covers the caller: all projects are theirs."""
        return self.elevated or self.service.policy.check(self.service.admin_rule, self.creds, self.own)

    def elevate(self) -> "Context":
        """The same caller with every right, for what a service does on their behalf inside its own logic."""
        return dataclasses.replace(self, elevated=True)

    def within(self, service: str) -> "Context":
        """The same caller in another service of this process, judged by that service's policy."""
        return dataclasses.replace(self, service=self.app.service(service), version=0, base_url="")

    async def transact(
        self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.app.db.transact(function, *args, **kwargs)

    async def read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.app.db.read(function, *args, **kwargs)
