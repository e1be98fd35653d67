# SPDX-License-Identifier: Apache-2.0
"""What a domain has otherwise than the cloud: its options, their defaults, and what is never shown."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.services.keystone.domain_config.model import DomainOption, substituted
from cumulet.testing.identity import Talk, converse

LDAP = {"url": "ldap://directory.example.org", "user_tree_dn": "ou=People,dc=example,dc=org"}
CONFIG = {"identity": {"driver": "ldap"}, "ldap": LDAP}


async def new_domain(keystone: Talk, config: Any = None) -> str:
    """The path of a new domain's configuration."""
    domain = await keystone.make("domain", name="example")
    path = f"/domains/{domain['id']}/config"
    if config is not None:
        assert (await keystone("PUT", path, {"config": config})).status == 201
    return path


def test_a_configuration_is_stored_shown_and_replaced(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone)
        answer = await keystone("PUT", path, {"config": CONFIG})
        assert (answer.status, answer["config"]) == (201, CONFIG)
        assert (await keystone("GET", path))["config"] == CONFIG
        assert (await keystone("HEAD", path)).status == 200
        assert (await keystone("GET", f"{path}/ldap"))["config"] == {"ldap": LDAP}
        assert (await keystone("GET", f"{path}/ldap/url"))["config"] == {"url": LDAP["url"]}
        answer = await keystone("PUT", path, {"config": {"identity": {"driver": "sql"}}})
        assert (answer.status, answer["config"]) == (200, {"identity": {"driver": "sql"}})

    converse(tmp_path, talk, database=database)


def test_a_configuration_is_changed_option_by_option(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, CONFIG)
        answer = await keystone("PATCH", path, {"config": {"ldap": {"page_size": 100}}})
        assert (answer.status, answer["config"]["ldap"]) == (200, {**LDAP, "page_size": 100})
        answer = await keystone("PATCH", f"{path}/ldap", {"config": {"ldap": {"suffix": "dc=org"}}})
        assert answer["config"]["ldap"]["suffix"] == "dc=org"
        answer = await keystone("PATCH", f"{path}/ldap/suffix", {"config": {"suffix": "dc=net"}})
        assert answer["config"]["ldap"] == {**LDAP, "page_size": 100, "suffix": "dc=net"}
        assert answer["config"]["identity"] == {"driver": "ldap"}

    converse(tmp_path, talk)


def test_a_configuration_is_deleted_whole_or_in_part(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, CONFIG)
        assert (await keystone("DELETE", f"{path}/ldap/url")).status == 204
        answer = await keystone("GET", f"{path}/ldap/url")
        domain_id = path.split("/")[2]
        assert (answer.status, answer["error"]["message"]) == (
            404,
            f"Could not find option url in group ldap in domain configuration for domain {domain_id}.",
        )
        assert (await keystone("DELETE", f"{path}/ldap")).status == 204
        answer = await keystone("DELETE", f"{path}/ldap")
        assert (answer.status, answer["error"]["message"]) == (
            404,
            f"Could not find group ldap in domain configuration for domain {domain_id}.",
        )
        assert (await keystone("DELETE", path)).status == 204
        answer = await keystone("GET", path)
        assert (answer.status, answer["error"]["message"]) == (
            404,
            f"Could not find any options in domain configuration for domain {domain_id}.",
        )
        assert (await keystone("DELETE", path)).status == 204

    converse(tmp_path, talk)


def test_a_password_is_stored_encrypted_and_never_shown(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        secret = {"user": "cn=admin", "password": "s3cret", "url": "ldap://%(user)s:%(password)s@host/%(x"}
        path = await new_domain(keystone, {"ldap": secret})
        shown = {name: value for name, value in secret.items() if name != "password"}
        assert (await keystone("GET", path))["config"] == {"ldap": shown}
        assert (await keystone("GET", f"{path}/ldap/password")).status == 404
        answer = await keystone("PATCH", f"{path}/ldap/password", {"config": {"password": "other"}})
        assert (answer.status, answer["config"]) == (200, {"ldap": shown})
        rows = await keystone.cloud.app.db.read(lambda tx: tx.all(DomainOption))
        assert not any("other" in row.value or "s3cret" in row.value for row in rows)
        assert (await keystone("DELETE", f"{path}/ldap/password")).status == 204

    converse(tmp_path, talk)


def test_the_password_stands_wherever_it_is_referred_to_for_the_driver_alone(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        options = {"password": "s3cret", "url": "ldap://a:%(password)s@host", "user_filter": "(%(nobody)s)"}
        path = await new_domain(keystone, {"ldap": {**options, "suffix": "100%", "page_size": 7}})
        assert (await keystone("GET", f"{path}/ldap/url"))["config"] == {"url": "ldap://a:%(password)s@host"}
        found = await keystone.cloud.app.db.read(substituted, path.split("/")[2])
        assert found["ldap"] == {
            "password": "s3cret",
            "url": "ldap://a:s3cret@host",
            "user_filter": "(%(nobody)s)",
            "suffix": "100%",
            "page_size": 7,
        }

    converse(tmp_path, talk)


_AND_ONLY = "so that, and only that, {} must be specified"
_REFUSED: list[tuple[str, str, Any, str]] = [
    ("PUT", "", {}, "No options specified."),
    ("PUT", "", {"ldap": {}}, "The value of group ldap specified in the config should be a dictionary"),
    ("PUT", "", {"ldap": "x"}, "The value of group ldap specified in the config should be a dictionary"),
    ("PUT", "", {"vogon": {"a": 1}}, "Group vogon is not supported for domain specific configurations."),
    ("PUT", "", {"ldap": {"a": 1}}, "Option a in group ldap is not supported for domain specific"),
    ("PATCH", "/ldap", {"identity": {"driver": "sql"}}, "request to update group ldap, but config provided"),
    ("PATCH", "/ldap", {"identity": {"driver": "sql"}, "ldap": LDAP}, _AND_ONLY.format("group")),
    ("PATCH", "/ldap/url", {"url": "a", "suffix": "b"}, _AND_ONLY.format("option")),
    ("PATCH", "/ldap/url", {"suffix": "b"}, "but config provided contains option suffix instead."),
    ("PATCH", "/vogon", {"vogon": {"a": 1}}, "Group vogon is not supported"),
    ("GET", "/vogon", None, "Group vogon is not supported"),
    ("GET", "/ldap/a", None, "Option a in group ldap is not supported"),
    ("DELETE", "/vogon", None, "Group vogon is not supported"),
    ("GET", "/security_compliance", None, "for any domain other than the default domain"),
]


def test_what_no_domain_can_have_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, CONFIG)
        for method, below, config, message in _REFUSED:
            body = None if config is None else {"config": config}
            answer = await keystone(method, path + below, body)
            assert answer.status == 403, (method, below, config, answer)
            assert answer["error"]["message"].startswith("Invalid domain specific configuration: ")
            assert message in answer["error"]["message"]
        assert (await keystone("GET", path))["config"] == CONFIG

    converse(tmp_path, talk)


def test_an_update_finds_only_what_is_there(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, {"ldap": LDAP})
        body = {"config": {"identity": {"driver": "ldap"}}}
        assert (await keystone("PATCH", f"{path}/identity", body)).status == 404
        assert (await keystone("PATCH", f"{path}/ldap/suffix", {"config": {"suffix": "x"}})).status == 404
        assert (await keystone("PATCH", path, body)).status == 200
        for method in ("PUT", "PATCH", "DELETE", "GET"):
            answer = await keystone(method, "/domains/nowhere/config", body)
            assert answer.status == 404, (method, answer)
        for body in (["config"], {"config": 5}, {"config": [1]}):
            assert (await keystone("PUT", path, body)).status == 400, body

    converse(tmp_path, talk)


def test_the_defaults_are_upstreams(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        found = (await keystone("GET", "/domains/config/default"))["config"]
        assert found["identity"] == {"driver": "sql", "list_limit": None}
        ldap = found["ldap"]
        assert (ldap["url"], ldap["user_objectclass"], ldap["pool_size"]) == (
            "ldap://localhost",
            "inetOrgPerson",
            10,
        )
        assert ldap["user_attribute_ignore"] == ["default_project_id"] and "password" not in ldap
        assert (await keystone("GET", "/domains/config/ldap/default"))["config"] == {"ldap": ldap}
        answer = await keystone("GET", "/domains/config/ldap/query_scope/default")
        assert answer["config"] == {"query_scope": "one"}
        answer = await keystone("GET", "/domains/config/ldap/password/default")
        assert (answer.status, answer["error"]["message"]) == (
            403,
            "Invalid domain specific configuration: Reading the default for option password in group ldap is "
            "not supported.",
        )
        assert (await keystone("GET", "/domains/config/vogon/default")).status == 403

    converse(tmp_path, talk)


@pytest.mark.parametrize("who", ["member", "reader"])
def test_only_administrators_touch_configurations(tmp_path: Path, who: str) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, CONFIG)
        token = await (await keystone.person("ada", who)).login()
        for method, below in (("GET", ""), ("PUT", ""), ("PATCH", "/ldap"), ("DELETE", "")):
            answer = await keystone(method, path + below, {"config": CONFIG}, token=token)
            assert answer.status == 403, (method, below, answer)
            assert answer["error"]["message"].startswith("You are not authorized")
        assert (await keystone("GET", "/domains/config/default", token=token)).status == 403

    converse(tmp_path, talk)


def test_everybody_may_read_the_rules_for_passwords(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        token = await (await keystone.person("ada", "reader")).login()
        path = "/domains/default/config/security_compliance"
        answer = await keystone("GET", path, token=token)
        rules = {"password_regex": "^.{3}", "password_regex_description": "Three characters"}
        assert (answer.status, answer["config"]) == (200, {"security_compliance": rules})
        answer = await keystone("GET", f"{path}/password_regex", token=token)
        assert answer["config"] == {"password_regex": "^.{3}"}
        answer = await keystone("GET", f"{path}/lockout_duration", token=token)
        assert (answer.status, answer["error"]["message"]) == (
            403,
            "Invalid domain specific configuration: Reading security compliance values other than "
            "password_regex and password_regex_description is not allowed.",
        )
        assert (await keystone("GET", path, token="")).status == 401

    rules = {"password_regex": "^.{3}", "password_regex_description": "Three characters"}
    converse(tmp_path, talk, settings=rules)


def test_a_configuration_goes_with_its_domain(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = await new_domain(keystone, CONFIG)
        domain = path.removesuffix("/config")
        await keystone("PATCH", domain, {"domain": {"enabled": False}})
        assert (await keystone("DELETE", domain)).status == 204
        assert not await keystone.cloud.app.db.read(lambda tx: tx.exists(DomainOption))

    converse(tmp_path, talk)
