# SPDX-License-Identifier: Apache-2.0
"""Attribute mappings: the examples that upstream documents, and what holds of all of them."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.lib.attribute_mapping import NOBODY, map_assertion
from cumulet.lib.mapping_rules import problems
from cumulet.lib.mapping_templates import MappingError, read_list

ASSERTION = {
    "UserName": "tbo",
    "FirstName": "Tim",
    "LastName": "Bo",
    "Email": "tim@example.com",
    "orgPersonType": "Employee;Contractor",
    "Groups": "Developers;Operators;ad-min",
    "REMOTE_USER": "tim@remote",
}
USER = {"user": {"name": "{0}"}}
NAMED = [{"type": "UserName"}]
IN_DOMAIN = {"groups": "{1}", "domain": {"id": "d"}}


def rule(local: Any, *remote: dict[str, Any]) -> dict[str, Any]:
    return {"local": local if isinstance(local, list) else [local], "remote": list(remote) or NAMED}


def in_domain(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "domain": {"id": "d"}} for name in names]


def filtered(word: str, *values: str, regex: bool = False) -> dict[str, Any]:
    more = {"regex": True} if regex else {}
    return rule([USER, IN_DOMAIN], *NAMED, {"type": "Groups", word: list(values), **more})


EXAMPLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "texts are put together": (
        [
            rule(
                {"user": {"name": "{0} {1}", "email": "{2}"}},
                {"type": "FirstName"},
                {"type": "LastName"},
                {"type": "Email"},
            )
        ],
        {"user": {"name": "Tim Bo", "email": "tim@example.com", "type": "ephemeral"}},
    ),
    "conditions stand for no place": (
        [rule(USER, {"type": "orgPersonType", "any_one_of": ["Employee", "Guest"]}, *NAMED)],
        {"user": {"name": "tbo", "type": "ephemeral"}},
    ),
    "none of these": (
        [rule(USER, *NAMED, {"type": "orgPersonType", "not_any_of": ["Guest"]})],
        {"user": {"name": "tbo", "type": "ephemeral"}},
    ),
    "a regular expression finds anywhere": (
        [rule(USER, *NAMED, {"type": "Email", "any_one_of": ["@example.com$"], "regex": True})],
        {"user": {"name": "tbo", "type": "ephemeral"}},
    ),
    "a group by its id": (
        [rule([USER, {"group": {"id": "0cd5e9"}}])],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_ids": ["0cd5e9"]},
    ),
    "a group by name and domain": (
        [rule([USER, {"group": {"name": "devs", "domain": {"name": "Default"}}}])],
        {
            "user": {"name": "tbo", "type": "ephemeral"},
            "group_names": [{"name": "devs", "domain": {"name": "Default"}}],
        },
    ),
    "all groups": (
        [rule([USER, IN_DOMAIN], *NAMED, {"type": "Groups"})],
        {
            "user": {"name": "tbo", "type": "ephemeral"},
            "group_names": in_domain("Developers", "Operators", "ad-min"),
        },
    ),
    "one group": (
        [rule([USER, IN_DOMAIN], *NAMED, {"type": "LastName"})],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_names": in_domain("Bo")},
    ),
    "a whitelist": (
        [filtered("whitelist", "Operators", "Kings")],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_names": in_domain("Operators")},
    ),
    "a whitelist of expressions": (
        [filtered("whitelist", "[eo]rs$", regex=True)],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_names": in_domain("Developers", "Operators")},
    ),
    "an empty whitelist leaves no group but the user": (
        [filtered("whitelist")],
        {"user": {"name": "tbo", "type": "ephemeral"}},
    ),
    "a blacklist": (
        [filtered("blacklist", "Operators")],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_names": in_domain("Developers", "ad-min")},
    ),
    "a blacklist of expressions": (
        [filtered("blacklist", "^ad", regex=True)],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_names": in_domain("Developers", "Operators")},
    ),
    "ids of groups": (
        [rule([USER, {"group_ids": "{1}"}], *NAMED, {"type": "Groups"})],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_ids": ["Developers", "Operators", "ad-min"]},
    ),
    "a list that the mapping writes itself": (
        [rule([USER, {"group_ids": "['a', 'b']"}])],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_ids": ["a", "b"]},
    ),
    "a local user": (
        [rule({"user": {"name": "{0}", "type": "local", "domain": {"id": "default"}}})],
        {"user": {"name": "tbo", "type": "local", "domain": {"id": "default"}}},
    ),
    "the first user counts and all groups do": (
        [
            rule([USER, {"group": {"id": "a"}}]),
            rule([{"user": {"name": "{0}"}}, {"group": {"id": "b"}}], {"type": "Email"}),
        ],
        {"user": {"name": "tbo", "type": "ephemeral"}, "group_ids": ["a", "b"]},
    ),
    "projects with roles": (
        [rule([USER, {"projects": [{"name": "{0}'s", "roles": [{"name": "member"}]}]}])],
        {
            "user": {"name": "tbo", "type": "ephemeral"},
            "projects": [{"name": "tbo's", "roles": [{"name": "member"}]}],
        },
    ),
    "several values as one text": (
        [rule({"user": {"name": "{0}"}}, {"type": "orgPersonType"})],
        {"user": {"name": "['Employee', 'Contractor']", "type": "ephemeral"}},
    ),
    "who the web server let in": (
        [rule(USER, {"type": "REMOTE_USER"})],
        {"user": {"name": "tim@remote", "type": "ephemeral"}},
    ),
}


@pytest.mark.parametrize(("rules", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_what_upstream_documents_is_so(rules: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert problems({"rules": rules}, "1.0") == []
    nobody: dict[str, Any] = {"group_ids": [], "group_names": [], "projects": []}
    assert map_assertion(rules, ASSERTION).as_json() == {**nobody, **expected}


@pytest.mark.parametrize(
    "remote",
    [
        {"type": "Nickname"},
        {"type": "orgPersonType", "any_one_of": ["Guest"]},
        {"type": "orgPersonType", "not_any_of": ["Employee"]},
        {"type": "Email", "not_any_of": ["example"], "regex": True},
    ],
)
def test_a_rule_that_does_not_apply_maps_nobody(remote: dict[str, Any]) -> None:
    with pytest.raises(MappingError, match=NOBODY):
        map_assertion([rule({"user": {"name": "x"}}, remote)], ASSERTION)


@pytest.mark.parametrize(
    "template", ["{1}", "{0.__class__}", "{0[0]}", "{x}", "{0!r}", "{0:>9}", "{", "{9" * 99]
)
def test_a_template_that_stands_for_nothing_is_refused(template: str) -> None:
    with pytest.raises(MappingError, match="stands for no attribute"):
        map_assertion([rule({"user": {"name": template}})], ASSERTION)


def test_groups_need_a_domain_unless_they_bring_it() -> None:
    alone = [rule([USER, {"groups": "{1}"}], *NAMED, {"type": "Groups"})]
    with pytest.raises(MappingError, match="Both 'groups' and 'domain' keywords must be specified"):
        map_assertion(alone, ASSERTION)
    none = [rule([USER, {"groups": "{1}"}], *NAMED, {"type": "Groups", "whitelist": []})]
    with pytest.raises(MappingError, match="keywords must be specified"):
        map_assertion(none, ASSERTION)
    group = {"name": "devs", "domain": {"name": "Default"}}
    found = map_assertion(alone, {**ASSERTION, "Groups": "JSON:" + json.dumps(group)})
    assert found.group_names == [group]


def test_version_2_gives_the_domain_of_the_mapping_to_users_and_projects() -> None:
    projects = [
        {"name": "a", "roles": [{"name": "member"}]},
        {"name": "b", "roles": [], "domain": {"id": "own"}},
    ]
    rules = [rule({"user": {"name": "{0}"}, "projects": projects, "domain": {"name": "corp"}})]
    assert problems({"rules": rules}, "1.0") != []
    assert problems({"rules": rules}, "2.0") == []
    found = map_assertion(rules, ASSERTION, "2.0")
    assert found.user["domain"] == {"name": "corp"}
    assert [project["domain"] for project in found.projects] == [{"name": "corp"}, {"id": "own"}]


def test_version_3_reads_projects_that_are_asserted_as_json() -> None:
    rules = [rule([USER, {"projects_json": "{1}"}], *NAMED, {"type": "Projects"})]
    assert problems({"rules": rules}, "2.0") != []
    assert problems({"rules": rules}, "3.0") == []
    projects = [{"name": "a;b", "roles": [{"name": "member"}]}]
    found = map_assertion(rules, {**ASSERTION, "Projects": json.dumps(projects)}, "3.0")
    assert found.projects == projects
    for nonsense in ("[[[", "[1]", '{"name": "a"}', "[" * 5000):
        with pytest.raises(MappingError):
            map_assertion(rules, {**ASSERTION, "Projects": nonsense}, "3.0")


def test_an_expression_that_would_search_for_ever_is_given_up() -> None:
    rules = [rule(USER, *NAMED, {"type": "Email", "any_one_of": ["(a|aa)+$"] * 9, "regex": True})]
    started = time.monotonic()
    with pytest.raises(MappingError, match="takes too long"):
        map_assertion(rules, {**ASSERTION, "Email": "a" * 200 + "!"})
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"rules": []},
        {"rules": [{"local": []}]},
        {"rules": [{"local": [], "remote": []}]},
        {"rules": [{"local": [], "remote": [{"type": "x", "any_one_of": [], "whitelist": []}]}]},
        {"rules": [{"local": [{"user": {"name": "x", "age": 1}}], "remote": NAMED}]},
        {"rules": [{"local": [{"user": {"type": "royal"}}], "remote": NAMED}]},
        {"rules": [{"local": [{"group": {"name": "x"}}], "remote": NAMED}]},
        {"rules": [{"local": [], "remote": [{"type": "x", "any_one_of": ["("], "regex": True}]}]},
        {"rules": [{"local": [], "remote": [{"type": "x", "whitelist": [1], "regex": True}]}]},
    ],
)
def test_rules_that_make_no_sense_are_refused(mapping: dict[str, Any]) -> None:
    assert problems(mapping, "1.0") != []


def test_an_unknown_schema_version_is_refused() -> None:
    assert problems({"rules": [rule(USER)]}, "9.9") == [
        "There is no schema version '9.9': it is one of 1.0, 2.0, 3.0."
    ]


# -- what holds of all mappings -------------------------------------------------------------------------

TEXT = st.text(alphabet="ab{}[]'\"\\0 1,;:JSON.", max_size=12)
NAMES = st.sampled_from(["A", "B", "C"])
DOMAIN = st.dictionaries(st.sampled_from(["id", "name"]), TEXT, max_size=2)
REMOTE = st.one_of(
    st.fixed_dictionaries({"type": NAMES}),
    *(
        st.fixed_dictionaries({"type": NAMES, word: st.lists(TEXT, max_size=3)})
        for word in ("any_one_of", "not_any_of", "whitelist", "blacklist")
    ),
)
LOCAL = st.fixed_dictionaries(
    {},
    optional={
        "user": st.fixed_dictionaries(
            {}, optional={"id": TEXT, "name": TEXT, "email": TEXT, "domain": DOMAIN}
        ),
        "group": st.fixed_dictionaries({"id": TEXT})
        | st.fixed_dictionaries({"name": TEXT, "domain": DOMAIN}),
        "groups": TEXT,
        "group_ids": TEXT,
        "domain": DOMAIN,
        "projects": st.lists(
            st.fixed_dictionaries({"name": TEXT, "roles": st.just([{"name": "member"}])}), max_size=2
        ),
    },
)
RULES = st.lists(
    st.fixed_dictionaries(
        {"local": st.lists(LOCAL, max_size=3), "remote": st.lists(REMOTE, min_size=1, max_size=3)}
    ),
    min_size=1,
    max_size=3,
)
ASSERTIONS = st.dictionaries(NAMES, TEXT, max_size=3)


@given(RULES)
def test_an_assertion_of_nothing_is_nobody(rules: list[dict[str, Any]]) -> None:
    with pytest.raises(MappingError):
        map_assertion(rules, {})


@given(RULES, ASSERTIONS)
def test_a_sound_mapping_gives_somebody_or_a_sentence(
    rules: list[dict[str, Any]], assertion: dict[str, str]
) -> None:
    assert problems({"rules": rules}, "1.0") == []
    before = json.dumps(rules)
    try:
        found = map_assertion(rules, assertion)
    except MappingError as error:
        assert str(error)
    else:
        assert found.user["type"] == "ephemeral"
        assert all(isinstance(id, str) for id in found.group_ids)
        assert all(set(group) == {"name", "domain"} for group in found.group_names)
    assert json.dumps(rules) == before


@given(st.lists(TEXT, min_size=2, max_size=5).filter(lambda values: not any(";" in v for v in values)))
def test_the_values_of_an_attribute_are_its_groups_whatever_they_look_like(values: list[str]) -> None:
    rules = [rule([{"group_ids": "{0}"}], {"type": "A"})]
    assert map_assertion(rules, {"A": ";".join(values)}).group_ids == list(dict.fromkeys(values))


@given(st.lists(TEXT, max_size=5))
def test_a_list_is_read_as_python_writes_it(values: list[str]) -> None:
    assert read_list(str(values)) == values
    assert read_list(json.dumps(values)) == values


@given(TEXT)
def test_what_is_no_list_is_one_text(text: str) -> None:
    assert read_list(f"x{text}") == [f"x{text}"]
