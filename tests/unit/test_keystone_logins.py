# SPDX-License-Identifier: Apache-2.0
"""Logins that race on several processes."""

import asyncio
import uuid
from pathlib import Path

from cumulet.kernel.app import App
from cumulet.kernel.db import Database, Tx
from cumulet.services.keystone.people import User
from cumulet.services.keystone.service import service
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.testing import asgi, postgres
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import Person, Talk, password

ADDRESS = "http://cloud/identity/v3/auth/tokens"


async def guess(app: App, somebody: Person, word: str) -> int:
    body = password({"id": somebody.id, "password": word})
    return (await asgi.request(app.root, "POST", ADDRESS, body=body)).status


def test_guesses_on_several_processes_count_together(tmp_path: Path, postgresql_server: str) -> None:
    keystone = service(KeystoneSettings(lockout_failure_attempts=5))

    async def run(url: str) -> None:
        async with Cloud.running(tmp_path, [keystone], hosts=0, database=url) as cloud:
            talk = Talk(cloud)
            await talk.become_admin()
            ada = await talk.person("ada")
            other = App(cloud.app.settings, [keystone], Database(url, cloud.app.clock), cloud.app.clock)
            await other.start()
            try:
                words = ["wrong"] * 8
                apps = (cloud.app, other)
                answers = await asyncio.gather(*(guess(app, ada, word) for word in words for app in apps))
                assert set(answers) == {401}
                assert await guess(cloud.app, ada, "ada's") == 401
                assert await guess(other, ada, "ada's") == 401
                row = await cloud.app.db.read(Tx.get, User, ada.id)
                assert row is not None and row.failed_auth_count == 5
            finally:
                await other.stop()
                other.db.close()

    with postgres.database(postgresql_server, f"test-{uuid.uuid4().hex}") as url:
        asyncio.run(run(url))
