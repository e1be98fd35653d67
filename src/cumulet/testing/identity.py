# SPDX-License-Identifier: Apache-2.0
"""Short words for tests that talk to Keystone: logging in, and making people and places."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cumulet.kernel.service import Service
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import ADMIN_PASSWORD, Cloud

V3 = "/identity/v3"
DEFAULT = {"id": "default"}
ADMIN_PROJECT = {"project": {"name": "admin", "domain": DEFAULT}}
SYSTEM = {"system": {"all": True}}


def password(user: dict[str, Any], scope: Any = None) -> dict[str, Any]:
    """The body of a request for a token by a password."""
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


def rescope(token: str, scope: Any = None) -> dict[str, Any]:
    """The body of a request for a token by a token."""
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": token}}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


class Talk:
    """A conversation with Keystone; what is made is made by the administrator."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def __call__(self, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        return await self.cloud.request(method, V3 + path, body, **how)

    async def ask_token(self, body: dict[str, Any]) -> Answer:
        return await self("POST", "/auth/tokens", body, token="")

    async def login(self, user: dict[str, Any], scope: Any = None) -> str:
        """The token of somebody, who must be let in."""
        answer = await self.ask_token(password(user, scope))
        assert answer.status == 201, answer
        return answer.headers["x-subject-token"]

    async def become_admin(self, scope: Any = ADMIN_PROJECT) -> str:
        """The cloud's token is the administrator's from here on."""
        user = {"name": "admin", "domain": DEFAULT, "password": ADMIN_PASSWORD}
        self.cloud.token = await self.login(user, scope)
        return self.cloud.token

    async def make(self, member: str, path: str = "", **fields: Any) -> dict[str, Any]:
        """A new thing, as the answer shows it."""
        answer = await self("POST", path or f"/{member}s", {member: fields})
        assert answer.status == 201, answer
        found: dict[str, Any] = answer[member]
        return found

    async def role(self, name: str) -> str:
        """The id of a global role."""
        answer = await self("GET", f"/roles?name={name}")
        id: str = answer["roles"][0]["id"]
        return id

    async def give(self, role: str, user_id: str, place: str) -> None:
        """The user has the role at a place such as /projects/ID or /system."""
        answer = await self("PUT", f"{place}/users/{user_id}/roles/{await self.role(role)}")
        assert answer.status == 204, answer

    async def person(self, name: str, role: str = "member", **fields: Any) -> "Person":
        """A new user with a role on a new project of their own."""
        domain_id = fields.get("domain_id", "default")
        user = await self.make("user", name=name, password=f"{name}'s", **fields)
        project = await self.make("project", name=f"{name}'s", domain_id=domain_id)
        await self.give(role, user["id"], f"/projects/{project['id']}")
        return Person(self, user, project)


class Person:
    """A user, their project, and how they log in."""

    def __init__(self, talk: Talk, user: dict[str, Any], project: dict[str, Any]) -> None:
        self.talk, self.user, self.project = talk, user, project
        self.id: str = user["id"]
        self.credentials = {"id": self.id, "password": f"{user['name']}'s"}
        self.scope = {"project": {"id": project["id"]}}

    async def login(self) -> str:
        """A token for their project."""
        return await self.talk.login(self.credentials, self.scope)

    async def try_to_log_in(self, scope: Any = None) -> Answer:
        return await self.talk.ask_token(password(self.credentials, scope or self.scope))

    async def holds(self, token: str) -> bool:
        """Whether a token of theirs is accepted."""
        answer = await self.talk("GET", "/auth/projects", token=token)
        return answer.status == 200


async def ended(keystone: Talk) -> list[dict[str, str]]:
    """What the tokens that were ended have in common, as OS-REVOKE tells it."""
    events = (await keystone("GET", "/OS-REVOKE/events"))["events"]
    return [{name: value for name, value in event.items() if name.endswith("_id")} for event in events]


def converse(
    path: Path,
    talk: Callable[[Talk], Awaitable[None]],
    *,
    settings: Mapping[str, Any] = MappingProxyType({}),
    service: Service = KEYSTONE,
    **how: Any,
) -> None:
    """Run a conversation with a new cloud, as its administrator.

    `settings` are those of Keystone that differ from its own, `service` is it with other drivers; `how` is
    what `Cloud.running` takes.
    """
    service = service.with_settings(settings)

    async def run() -> None:
        async with Cloud.running(path, [service], hosts=0, **how) as cloud:
            keystone = Talk(cloud)
            await keystone.become_admin()
            await talk(keystone)

    asyncio.run(run())
