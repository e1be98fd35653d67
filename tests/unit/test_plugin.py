# SPDX-License-Identifier: Apache-2.0
"""The plugin's cloud is one that any HTTP client can talk to."""

import json
import urllib.request

from cumulet.testing.plugin import PASSWORD, RunningCloud


def test_a_token_can_be_had_from_the_plugin_s_cloud(cumulet_session: RunningCloud) -> None:
    user = {"name": "admin", "password": PASSWORD, "domain": {"id": "default"}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    request = urllib.request.Request(
        f"{cumulet_session.auth_url}/v3/auth/tokens",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
        assert answer.headers["X-Subject-Token"]
