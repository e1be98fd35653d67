# SPDX-License-Identifier: Apache-2.0
"""A whole cloud on a port, with one of most things in it, and the names by which requests can reach them."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from tests.conversations.furniture import PUTS, THINGS, WORDS

from cumulet.kernel.docs.operations import KEY, REHEARSAL
from cumulet.kernel.service import Running
from cumulet.main import SERVICES, openapi, services
from cumulet.testing.asgi import Answer
from cumulet.testing.plugin import PASSWORD, RunningCloud, running
from cumulet.testing.promises import Promises

DEFAULT = {"id": "default"}
OWN = {"admin", "default", "member", "reader", "manager", "service"}
"""What the cloud cannot do without: no request is told of it."""
BOOT = {"name": "one", "metadata": {"one": "1"}, "networks": "none", "flavorRef": "*"}


class Furnished:
    """The cloud, two who may ask it, and ids by the name of a path's or a body's parameter."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        self.session = requests.Session()
        self.promises = Promises([Running(manifest) for manifest in services(SERVICES)])
        self.tokens = {"admin": self._login("admin", PASSWORD, "admin")}
        self._add_member()
        self.known: dict[str, list[str]] = defaultdict(list)
        for token, path, member, body in THINGS:
            self._make(token, path, member, body)
        self._boot()
        self._store()
        for path, body in PUTS:
            self._put(path, body)
        for name, word in WORDS.items():
            self.known[name].append(word)
        for service in SERVICES:
            self._note_all(openapi(service))

    def ask(self, method: str, path: str, body: Any = None, token: str = "admin", **headers: str) -> Any:
        """One request, whose answer is as the document of its service promises."""
        sent = {**headers, **({"X-Auth-Token": self.tokens[token]} if token else {})}
        target = "/" + path.lstrip("/")
        answer = self.session.request(method, self.cloud.url + target, json=body, headers=sent)
        kind = str(answer.headers.get("content-type", ""))
        whole = parsed(answer.status_code, kind, answer.content)
        assert not (wrong := self.promises.broken(method, target, body, headers, whole)), (target, wrong)
        return answer

    def _login(self, name: str, password: str, project: str) -> str:
        user = {"name": name, "domain": DEFAULT, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": project, "domain": DEFAULT}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self.session.post(f"{self.cloud.auth_url}/v3/auth/tokens", json=body)
        return str(answer.headers["X-Subject-Token"])

    def _add_member(self) -> None:
        user = {"name": "somebody", "domain_id": "default", "password": "x"}
        project = {"name": "somebody's", "domain_id": "default"}
        user_id = self.ask("POST", "identity/v3/users", {"user": user}).json()["user"]["id"]
        project_id = self.ask("POST", "identity/v3/projects", {"project": project}).json()["project"]["id"]
        (role,) = self.ask("GET", "identity/v3/roles?name=member").json()["roles"]
        self.ask("PUT", f"identity/v3/projects/{project_id}/users/{user_id}/roles/{role['id']}")
        self.tokens["member"] = self._login("somebody", "x", "somebody's")
        self.own = {user_id, project_id, *OWN}

    def _make(self, token: str, path: str, member: str, body: dict[str, Any]) -> None:
        member, _, name = member.partition(":")
        filled = {key: self._filled(key, value) for key, value in body.items()}
        answer = self.ask("POST", self._path(path), {member: filled} if member else filled, token)
        assert answer.status_code in (200, 201, 202), (path, answer.status_code, answer.text)
        made = answer.json()[member] if member else answer.json()
        if "id" in made:
            self.known[name or f"{member}_id"].append(str(made["id"]))

    def _filled(self, key: str, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("*"):
            return value
        return self.known[value[1:] or key][0]

    def _put(self, path: str, body: Any) -> None:
        version = {"OpenStack-API-Version": "placement 1.39, compute 2.60"}
        answer = self.ask("PUT", self._path(path), body, **version)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)

    def _path(self, path: str) -> str:
        return path.format(**{name: ids[0] for name, ids in self.known.items() if ids})

    def _boot(self) -> None:
        (image,) = self.known["image_id"]
        url = f"{self.cloud.url}/image/v2/images/{image}/file"
        headers = {"X-Auth-Token": self.tokens["member"], "Content-Type": "application/octet-stream"}
        self.session.put(url, data=b"\0" * 512, headers=headers)
        body = {**BOOT, "imageRef": image, "flavorRef": self.known["flavor_id"][0]}
        version = {"OpenStack-API-Version": "compute 2.60"}
        answer = self.ask("POST", "compute/v2.1/servers", {"server": body}, "member", **version)
        assert answer.status_code == 202, answer.text
        self.known["server_id"].append(answer.json()["server"]["id"])

    def _store(self) -> None:
        (project,) = self.ask("GET", "identity/v3/projects?name=admin").json()["projects"]
        self.known["account"].append(f"AUTH_{project['id']}")
        self._put("object-store/v1/{account}/one", None)
        self.known["container"].append("one")
        self._put("object-store/v1/{account}/one/two", {"three": 4})
        self.known["object"].append("two")
        self.known["bucket"].append("one")

    def _note_all(self, document: Mapping[str, Any]) -> None:
        """Take down the ids of all that lists tell, by the name that paths have for them."""
        version = document["components"]["parameters"].get("microversion")
        headers = {"OpenStack-API-Version": version["schema"]["enum"][0]} if version else {}
        for path in document["paths"]:
            match = re.fullmatch(r"([^{}]+)/\{(\w+)\}", path)
            if match is None or "get" not in document["paths"].get(match[1], {}):
                continue
            answer = self.ask("GET", document["servers"][0]["url"] + match[1], **headers)
            told = answer.status_code == 200 and "json" in answer.headers.get("content-type", "")
            found = answer.json() if told else {}
            for item in next((part for part in found.values() if isinstance(part, list)), []):
                self._note(match[2], item)
        for name, ids in self.known.items():
            self.known[name] = [id for id in dict.fromkeys(ids) if id not in self.own]

    def _note(self, name: str, item: Any) -> None:
        if not isinstance(item, dict):
            self.known[name].append(str(item))
        elif item.get("name") not in self.own:
            id = item.get("id", item.get("uuid", item.get("name")))
            if id is not None:
                self.known[name].append(str(id))


def parsed(status: int, kind: str, content: bytes | None) -> Answer:
    """An answer with its body as JSON where it is that."""
    body = json.loads(content) if content and "json" in kind else content or None
    return Answer(status, {"content-type": kind}, body)


@contextmanager
def furnished() -> Iterator[Furnished]:
    """The cloud with all of its services, until the block ends."""
    with running() as cloud:
        yield Furnished(cloud)


def told(document: dict[str, Any], known: Mapping[str, list[str]]) -> dict[str, Any]:
    """The document with what there is: ids are those of the cloud, in paths always, in bodies often.

    It says nothing of tokens: who asks is chosen elsewhere. Nor of rehearsals, which change nothing, and of
    keys by which one request of many is done.
    """
    del document["security"], document["components"]["securitySchemes"]
    for path in document["paths"].values():
        for parameter in path["parameters"]:
            if ids := known.get(parameter["name"]):
                parameter["schema"] = {"enum": ids}
        for operation in path.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
                headers = [one for one in operation.get("parameters", ()) if one.get("$ref") not in _NOT_TOLD]
                operation["parameters"] = headers
                _tell(operation.get("requestBody"), known)
    return document


_NOT_TOLD = tuple(f"#/components/parameters/{name}" for name in (KEY, REHEARSAL))


def _tell(schema: Any, known: Mapping[str, list[str]]) -> None:
    if isinstance(schema, dict):
        for name, part in schema.items():
            if name == "properties":
                schema[name] = {key: _told(key, value, known) for key, value in part.items()}
            _tell(schema[name], known)
    elif isinstance(schema, list):
        for part in schema:
            _tell(part, known)


def _told(name: str, schema: Any, known: Mapping[str, list[str]]) -> Any:
    ids = known.get(name) or known.get(_NAMES.get(name, ""))
    return {"anyOf": [{"enum": ids}, {"enum": ids}, schema]} if ids else schema


_NAMES = {
    "imageRef": "image_id", "flavorRef": "flavor_id", "volumeId": "volume_id", "uuid": "resource_provider_id",
    "floating_network_id": "network_id", "image": "image_id", "target_project": "project_id",
}  # fmt: skip
