# SPDX-License-Identifier: Apache-2.0
"""Why policy refused a request: what is kept of it, and how `cumulet explain` tells it."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from shelf import SHELF

from cumulet.cli import commands
from cumulet.kernel.auth.context import Context, Identity
from cumulet.kernel.auth.policy import ANY_SCOPE, Policy, Rule
from cumulet.kernel.auth.refusals import KIND, Denial, Refusal, explain, read
from cumulet.kernel.errors import NotPermitted
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

POLICY = Policy(
    {
        "admin": Rule("role:admin", ANY_SCOPE),
        "owner": Rule("project_id:%(project_id)s", ANY_SCOPE),
        "thing:list": Rule("rule:admin"),
        "thing:change": Rule("rule:admin or (role:member and rule:owner)"),
        "thing:audit": Rule("role:reader and system_scope:all", ("system",)),
        "thing:bind": Rule("service_roles:service and rule:owner"),
        "thing:close": Rule("'open':%(status)s and rule:owner"),
        "thing:never": Rule("!"),
    }
)
READER = {"user_id": "u1", "project_id": "p1", "roles": ["reader"], "service_roles": []}
MEMBER = {**READER, "roles": ["member", "reader"]}
OWN = {"project_id": "p1", "status": "open"}
OTHERS = {"project_id": "p2", "status": "closed"}


def why(rule: str, creds: dict[str, Any], target: dict[str, Any]) -> Refusal:
    assert not POLICY.check(rule, creds, target)
    return explain(rule, Denial("things", POLICY, creds, target))


def test_a_role_that_is_missing_is_named() -> None:
    refusal = why("thing:list", READER, OWN)
    assert refusal.ways == [["the role admin"]]
    assert refusal.texts == {"thing:list": "rule:admin", "admin": "role:admin"}
    assert (refusal.service, refusal.user_id, refusal.scope) == ("things", "u1", "project p1")
    assert (refusal.roles, refusal.service_roles) == (["reader"], [])


def test_a_token_of_the_wrong_scope_is_told_which_would_do() -> None:
    refusal = why("thing:audit", READER, {})
    assert refusal.ways == [["a token of system scope; this one has project scope"]]


def test_whose_it_is_instead_is_told() -> None:
    refusal = why("thing:change", MEMBER, OTHERS)
    own = "the project_id p2, that of the target; the caller's is p1"
    assert refusal.ways == [["the role admin"], [own]]
    assert why("thing:change", READER, OTHERS).ways == [["the role admin"], ["the role member", own]]
    assert why("thing:change", {**READER, "project_id": None}, OTHERS).scope == "nothing: it is unscoped"


class Reading(dict[str, Any]):
    """A target that reads an owner when a rule asks for it, as Neutron's do, within its transaction."""

    is_open = True

    def __missing__(self, key: str) -> Any:
        assert self.is_open, f"{key} is read after the transaction"
        if key == "project_id":
            return "p2"
        raise KeyError(key)


@pytest.fixture
def reader() -> Context:
    service: Any = SimpleNamespace(name="things", policy=POLICY)
    who = Identity(user_id="u1", project_id="p1", roles=("reader",))
    return Context(SimpleNamespace(), service, who, "req-1")  # type: ignore[arg-type]


def test_a_refusal_is_explained_by_what_its_transaction_could_read(reader: Context) -> None:
    target = Reading(status="open")
    with pytest.raises(NotPermitted):
        reader.require("thing:change", target)
    target.is_open = False
    own = "the project_id p2, that of the target; the caller's is p1"
    assert explain("thing:change", reader.denied["thing:change"]).ways == [
        ["the role admin"],
        ["the role member", own],
    ]


def test_a_question_whose_answer_refuses_nothing_reads_no_more_than_it_needs(reader: Context) -> None:
    target = Reading(status="open")
    assert not reader.can("thing:change", target)
    assert "project_id" not in target
    target.is_open = False
    assert explain("thing:change", reader.denied["thing:change"]).ways == [["the role admin"]]


def test_a_service_token_that_is_missing_is_named() -> None:
    assert why("thing:bind", MEMBER, OWN).ways == [["a service token with the role service"]]


def test_what_no_caller_could_change_is_no_way() -> None:
    assert why("thing:never", MEMBER, OWN).ways == []
    assert why("thing:change", MEMBER, {}).ways == [["the role admin"]]
    policy = Policy({"internal": Rule("is_admin:True or role:admin")})
    assert explain("internal", Denial("s", policy, MEMBER, OWN)).ways == [["the role admin"]]
    other = "another target: 'open':%(status)s"
    assert why("thing:close", MEMBER, {**OTHERS, "project_id": "p1"}).ways == [[other]]


def test_a_long_value_is_cut_and_nothing_is_kept_that_the_rule_does_not_compare() -> None:
    refusal = why("thing:change", READER, {"project_id": "x" * 500, "password": "hush"})
    assert max(len(want) for way in refusal.ways for want in way) < 200
    assert "hush" not in repr(refusal)


def test_a_thousand_ways_are_cut_to_a_dozen() -> None:
    each = " and ".join(f"(role:a{n} or role:b{n} or role:c{n})" for n in range(12))
    policy = Policy({"hard": Rule(each), "wide": Rule(" or ".join(f"role:r{n}" for n in range(100)))})
    for rule in ("hard", "wide"):
        assert len(explain(rule, Denial("s", policy, READER, {})).ways) == 12


# -- in a cloud -----------------------------------------------------------------------------------------


def refusals_of(cloud: Cloud, id: str) -> list[Refusal]:
    stories = cloud.app.traces.stories(id)
    return [read(span.message) for story in stories for span in story if span.kind == KIND]


def told(state: Path, id: str) -> Result:
    return CliRunner().invoke(commands(None), ["explain", "--state", str(state), id])


def talk(state: Path, words: Any, **settings: Any) -> None:
    """A talk with shelves whose state lies where a cloud that does not run any more is looked for."""

    async def run() -> None:
        async with Cloud.running(state / "control", [people(), SHELF], hosts=0, **settings) as cloud:
            await words(cloud)

    (state / "control").mkdir(parents=True)
    (state / "clouds.yaml").write_text(json.dumps({"clouds": {"cumulet": {"auth": NOWHERE}}}))
    asyncio.run(run())


NOWHERE = {
    "auth_url": "http://127.0.0.1:9/identity",
    "username": "admin",
    "password": "x",
    "project_name": "admin",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


def test_every_services_refusals_are_explained_also_when_the_cloud_is_gone(tmp_path: Path) -> None:
    ids = []

    async def words(cloud: Cloud) -> None:
        answer = await cloud.request("POST", "/shelf/v1/books", {"book": {"title": "Emma"}}, token="reader")
        assert answer.status == 403
        ids.append(answer.headers["x-openstack-request-id"])
        [refusal] = refusals_of(cloud, ids[0])
        assert (refusal.service, refusal.rule) == ("shelf", "book:write")

    talk(tmp_path, words)
    result = told(tmp_path, ids[0])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].endswith("POST /shelf/v1/books  403")
    assert lines[1:3] == [
        "refused by  book:write, a rule of shelf",
        "which is    role:member and project_id:%(project_id)s or role:admin",
    ]
    assert lines[4:] == [
        "            roles: reader",
        "missing     the role member",
        "or          the role admin",
    ]


def test_a_404_that_hides_something_is_explained_too(tmp_path: Path) -> None:
    async def words(cloud: Cloud) -> None:
        made = await cloud.request("POST", "/shelf/v1/books", {"book": {"title": "Emma"}}, token="member")
        path = f"/shelf/v1/books/{made['book']['id']}"
        hidden = await cloud.request("GET", path, token="reader")
        assert hidden.status == 404
        [refusal] = refusals_of(cloud, hidden.headers["x-openstack-request-id"])
        assert (refusal.rule, refusal.ways) == ("book:read", [["the role admin"]])
        missing = await cloud.request("GET", "/shelf/v1/books/nothing", token="reader")
        assert refusals_of(cloud, missing.headers["x-openstack-request-id"]) == []

    talk(tmp_path, words, policies={"shelf": {"book:read": "role:admin"}})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"book": {"pages": 0}}, "No policy rule has refused it; what it was told is: "),
        ({"book": {}}, "It was not refused."),
    ],
)
def test_what_policy_did_not_refuse_says_so(tmp_path: Path, body: Any, sentence: str) -> None:
    ids = []

    async def words(cloud: Cloud) -> None:
        answer = await cloud.request("POST", "/shelf/v1/books", body, token="member")
        ids.append(answer.headers["x-openstack-request-id"])

    talk(tmp_path, words)
    result = told(tmp_path, ids[0])
    assert (result.exit_code, sentence in result.output) == (1, True), result.output
    assert "Nothing is known of" in told(tmp_path, "req-nobody").output
