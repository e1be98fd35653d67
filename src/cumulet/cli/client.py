# SPDX-License-Identifier: Apache-2.0
"""A running cloud as the operator's commands ask it: over HTTP, as the admin of clouds.yaml."""

import json
import urllib.error
import urllib.request
from typing import Any

import click

from cumulet.cli.state import State


class Unreachable(click.ClickException):
    """Nothing answers."""


class Operator:
    """The operator's side of a running cloud.

    Raises Unreachable, and click.ClickException with what the cloud says.
    """

    def __init__(self, place: State) -> None:
        auth = place.read_clouds()["cumulet"]["auth"]
        self._address = auth["auth_url"].removesuffix("/identity")
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {
                            "name": auth["username"],
                            "password": auth["password"],
                            "domain": {"id": auth["user_domain_id"]},
                        }
                    },
                },
                "scope": {
                    "project": {"name": auth["project_name"], "domain": {"id": auth["project_domain_id"]}}
                },
            }
        }
        self._token = self._send("POST", "/identity/v3/auth/tokens", body)[1].get("X-Subject-Token", "")

    def get(self, path: str) -> Any:
        return self._send("GET", f"/cumulet/v1{path}")[0]

    def post(self, path: str) -> Any:
        return self._send("POST", f"/cumulet/v1{path}", {})[0]

    def _send(self, method: str, path: str, body: Any = None) -> tuple[Any, Any]:
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "_token", ""):
            headers["X-Auth-Token"] = token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                raw = answer.read()
                return (json.loads(raw) if raw else None), answer.headers
        except urllib.error.HTTPError as error:
            raise click.ClickException(_sentence(error)) from None
        except OSError:
            raise Unreachable(
                f"The cloud at {self._address} does not answer; `cumulet up` starts it."
            ) from None


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The cloud answered {error.code}."
