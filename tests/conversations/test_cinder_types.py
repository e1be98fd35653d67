# SPDX-License-Identifier: Apache-2.0
"""Conversations about volume types: what there is from the start, who may use what, and the default."""

from pathlib import Path
from typing import Any

import pytest
from tests.conversations.cinder_talk import NOBODY, ask, refusal, talk, volume

from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT


async def new_type(cloud: Cloud, name: str, **more: Any) -> Any:
    answer = await ask(cloud, "POST", "/types", {"volume_type": {"name": name, **more}}, token="admin")
    assert answer.status == 200, answer
    return answer["volume_type"]


async def names(cloud: Cloud, query: str = "", *, token: str = "member", at: str = "3.0") -> list[str]:
    answer = await ask(cloud, "GET", f"/types{query}", token=token, at=at)
    assert answer.status == 200, answer
    return sorted(item["name"] for item in answer["volume_types"])


def test_one_type_exists_from_the_start_and_stays(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        (first,) = (await ask(cloud, "GET", "/types"))["volume_types"]
        assert first["name"] == "__DEFAULT__" and "qos_specs_id" not in first
        assert set(first) == {
            "id",
            "name",
            "is_public",
            "description",
            "extra_specs",
            "os-volume-type-access:is_public",
        }
        as_admin = (await ask(cloud, "GET", f"/types/{first['id']}", token="admin"))["volume_type"]
        assert as_admin["qos_specs_id"] is None
        assert (await ask(cloud, "GET", "/types/default"))["volume_type"] == first
        only = await ask(cloud, "DELETE", f"/types/{first['id']}", token="admin")
        assert refusal(only)[1].endswith("is the only currently defined volume type and cannot be deleted.")
        await new_type(cloud, "other")
        default = await ask(cloud, "DELETE", f"/types/{first['id']}", token="admin")
        assert refusal(default)[1].endswith("is a default volume type and cannot be deleted.")
        assert refusal(await ask(cloud, "GET", f"/types/{NOBODY}")) == (
            404,
            f"Volume type {NOBODY} could not be found.",
        )

    talk(tmp_path, script)


def test_a_type_is_made_changed_and_deleted_by_an_administrator(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        fast = await new_type(cloud, "fast", description="d", extra_specs={"k": "v"})
        assert (fast["extra_specs"], fast["is_public"]) == ({"k": "v"}, True)
        path = f"/types/{fast['id']}"
        taken = await ask(cloud, "POST", "/types", {"volume_type": {"name": "fast"}}, token="admin")
        assert refusal(taken) == (409, "Volume Type fast already exists.")
        assert (await ask(cloud, "POST", "/types", {"volume_type": {"name": "x"}})).status == 403
        for body in (
            {},
            {"name": ""},
            {"name": "x" * 256},
            {"name": "y", "extra_specs": {"a b\n": "c"}},
            {"name": "y", "odd": 1},
        ):
            answer = await ask(cloud, "POST", "/types", {"volume_type": body}, token="admin")
            assert refusal(answer)[0] == 400, body
        renamed = await ask(cloud, "PUT", path, {"volume_type": {"name": "faster"}}, token="admin")
        assert (renamed.status, renamed["volume_type"]["name"]) == (200, "faster")
        nothing = await ask(cloud, "PUT", path, {"volume_type": {}}, token="admin")
        assert refusal(nothing)[1].startswith("Specify volume type name")
        clash = await ask(cloud, "PUT", path, {"volume_type": {"name": "__DEFAULT__"}}, token="admin")
        assert refusal(clash)[0] == 409
        made = await volume(cloud, volume_type="faster")
        assert (await volume(cloud, volume_type=fast["id"]))["volume_type"] == made["volume_type"] == "faster"
        used = await ask(cloud, "DELETE", path, token="admin")
        assert refusal(used) == (400, "Target volume type is still in use.")
        for item in (await ask(cloud, "GET", "/volumes"))["volumes"]:
            await ask(cloud, "DELETE", f"/volumes/{item['id']}")
        await cloud.settled()
        assert (await ask(cloud, "DELETE", path, token="admin")).status == 202
        assert await names(cloud) == ["__DEFAULT__"]

    talk(tmp_path, script)


def test_extra_specs_are_shown_as_far_as_one_may_know(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        path = f"/types/{(await new_type(cloud, 't'))['id']}/extra_specs"
        body = {"extra_specs": {"volume_backend_name": "b", "multiattach": "<is> True"}}
        added = await ask(cloud, "POST", path, body, token="admin")
        assert (added.status, added.body) == (200, body)
        assert (await ask(cloud, "GET", path)).body == {"extra_specs": {"multiattach": "<is> True"}}
        assert (await ask(cloud, "GET", path, token="admin")).body == body
        assert (await ask(cloud, "GET", f"{path}/volume_backend_name")).status == 404
        assert (await ask(cloud, "PUT", f"{path}/k", {"k": "v"}, token="admin")).body == {"k": "v"}
        assert (await ask(cloud, "GET", f"{path}/k", token="admin")).body == {"k": "v"}
        for wrong, message in (
            ({"j": "v"}, "Request body and URI mismatch"),
            ({}, ""),
            ({"k": "v", "j": "v"}, ""),
            (None, ""),
        ):
            status, said = refusal(await ask(cloud, "PUT", f"{path}/k", wrong, token="admin"))
            assert status == 400 and said.startswith(message)
        assert (await ask(cloud, "DELETE", f"{path}/k", token="admin")).status == 202
        assert (await ask(cloud, "DELETE", f"{path}/k", token="admin")).status == 404
        assert (await ask(cloud, "POST", path, body)).status == 403
        assert await names(cloud, "?extra_specs={'multiattach':'<is>+True'}", at="3.52") == ["t"]
        assert await names(cloud, "?extra_specs={'multiattach':'no'}", at="3.52") == []
        await volume(cloud, volume_type="t")
        assert (
            refusal(await ask(cloud, "POST", path, body, token="admin"))[1]
            == "Volume Type is currently in use."
        )

    talk(tmp_path, script, database=database)


def test_a_private_type_is_for_those_who_were_given_it(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        secret = await new_type(cloud, "secret", **{"os-volume-type-access:is_public": False})
        path = f"/types/{secret['id']}"
        assert await names(cloud) == await names(cloud, token="admin") == ["__DEFAULT__"]
        assert await names(cloud, "?is_public=none", token="admin") == ["__DEFAULT__", "secret"]
        assert await names(cloud, "?is_public=false", token="admin") == ["secret"]
        assert (await ask(cloud, "GET", "/types?is_public=perhaps", token="admin")).status == 400
        assert (await ask(cloud, "GET", path)).status == 404
        body = {"volume": {"size": 1, "volume_type": "secret"}}
        assert refusal(await ask(cloud, "POST", "/volumes", body))[0] == 404
        give = {"addProjectAccess": {"project": PROJECT}}
        assert (await ask(cloud, "POST", f"{path}/action", give)).status == 404
        assert (await ask(cloud, "POST", f"{path}/action", give, token="admin")).status == 202
        assert (await ask(cloud, "POST", f"{path}/action", give, token="admin")).status == 409
        access = await ask(cloud, "GET", f"{path}/os-volume-type-access", token="admin")
        assert access.body == {
            "volume_type_access": [{"volume_type_id": secret["id"], "project_id": PROJECT}]
        }
        assert await names(cloud) == ["__DEFAULT__", "secret"]
        assert await names(cloud, token="stranger") == ["__DEFAULT__"]
        assert (await ask(cloud, "POST", "/volumes", body)).status == 202
        take = {"removeProjectAccess": {"project": PROJECT}}
        assert (await ask(cloud, "POST", f"{path}/action", take, token="admin")).status == 202
        assert (await ask(cloud, "POST", f"{path}/action", take, token="admin")).status == 404
        await cloud.settled()
        (item,) = (await ask(cloud, "GET", "/volumes/detail"))["volumes"]
        assert item["volume_type"] == "secret"
        public = f"/types/{(await ask(cloud, 'GET', '/types/default'))['volume_type']['id']}"
        assert (await ask(cloud, "GET", f"{public}/os-volume-type-access", token="admin")).status == 404
        assert refusal(await ask(cloud, "POST", f"{public}/action", give, token="admin"))[0] == 400

    talk(tmp_path, script)


def test_a_project_has_a_default_type_of_its_own(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        own = await new_type(cloud, "own")
        path, body = f"/default-types/{PROJECT}", {"default_type": {"volume_type": "own"}}
        assert (await ask(cloud, "PUT", path, body, at="3.61", token="admin")).status == 404
        assert (await ask(cloud, "PUT", path, body, at="3.62")).status == 403
        told = await ask(cloud, "PUT", path, body, at="3.62", token="admin")
        expected = {"project_id": PROJECT, "volume_type_id": own["id"]}
        assert (told.status, told.body) == (200, {"default_type": expected})
        assert (await ask(cloud, "GET", path, at="3.62", token="admin"))["default_type"] == expected
        assert (await ask(cloud, "GET", "/default-types", at="3.62", token="admin"))["default_types"] == [
            expected
        ]
        assert (
            await ask(cloud, "GET", f"/default-types/{OTHER_PROJECT}", at="3.62", token="admin")
        ).status == 404
        odd = {"default_type": {"volume_type": "odd"}}
        assert (await ask(cloud, "PUT", path, odd, at="3.62", token="admin")).status == 400
        assert (await volume(cloud))["volume_type"] == "own"
        assert (await ask(cloud, "DELETE", path, at="3.62", token="admin")).status == 204
        assert (await volume(cloud))["volume_type"] == "__DEFAULT__"

    talk(tmp_path, script)


def test_devstack_has_its_own_default_type(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        manifest = cloud.app.services["cinder"].manifest
        assert manifest.devstack is not None
        for _ in range(2):
            await manifest.devstack(cloud.app, None)
        assert await names(cloud) == ["__DEFAULT__", "lvmdriver-1"]
        assert (await volume(cloud))["volume_type"] == "lvmdriver-1"

    talk(tmp_path, script)


@pytest.mark.parametrize("size, status", [(1, 400), (2, 202), (4, 202), (5, 400)])
def test_a_type_bounds_the_size_of_its_volumes(tmp_path: Path, size: int, status: int) -> None:
    async def script(cloud: Cloud) -> None:
        bounds = {"provisioning:min_vol_size": "2", "provisioning:max_vol_size": "4"}
        await new_type(cloud, "bounded", extra_specs=bounds)
        body = {"volume": {"size": size, "volume_type": "bounded"}}
        assert (await ask(cloud, "POST", "/volumes", body)).status == status

    talk(tmp_path, script)
