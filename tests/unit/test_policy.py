# SPDX-License-Identifier: Apache-2.0
"""The policy language: what it means, how it refuses nonsense, and that oslo.policy says the same."""

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg
from oslo_policy import policy as oslo_policy

from cumulet.kernel.auth.policy import ANY_SCOPE, Policy, Rule, Verdict, read_overrides
from cumulet.kernel.auth.policy_language import PolicyError

MEMBER = {"user_id": "u1", "project_id": "p1", "roles": ["member", "reader"]}


def holds(rule: Any, creds: dict[str, Any] = MEMBER, target: dict[str, Any] | None = None) -> bool:
    return Policy({}, {"asked": rule}).check("asked", creds, target or {})


@pytest.mark.parametrize(
    "rule", ["", "  ", "@", [], "role:member", "ROLE:member or role:member", [["@"], ["!"]]]
)
def test_a_rule_that_holds(rule: Any) -> None:
    assert holds(rule)


@pytest.mark.parametrize(
    "rule", ["!", "not @", [[]], "role:admin", "nothing:here", [["@", "!"]], "rule:absent"]
)
def test_a_rule_that_does_not_hold(rule: Any) -> None:
    assert not holds(rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("@ or ! and !", True),
        ("(@ or !) and !", False),
        ("! and ! or @", True),
        ("not ! and !", False),
        ("not (! and !)", True),
        ("not not @", True),
        ("((@)) AND Not !", True),
        ("! or ! or ! or @", True),
        ("@ and @ and @ and !", False),
    ],
)
def test_not_binds_before_and_and_before_or(rule: str, expected: bool) -> None:
    assert holds(rule) is expected


def test_roles_are_compared_without_case() -> None:
    assert holds("role:MEMBER") and holds("role:admin", {"roles": ["Admin"]})


def test_a_role_may_come_from_the_target() -> None:
    assert holds("role:%(wanted)s", target={"wanted": "Reader"})
    assert not holds("role:%(wanted)s")


def test_a_caller_without_roles_has_none() -> None:
    assert not holds("role:member", {"user_id": "u1"})


def test_an_attribute_is_compared_with_the_target_as_text() -> None:
    assert holds("project_id:%(target.project.id)s", target={"target.project.id": "p1"})
    assert not holds("project_id:%(target.project.id)s", target={"target.project.id": "p2"})
    assert holds("is_admin:True", {"is_admin": True})
    assert not holds("project_id:%(absent)s")


def test_literals_stand_on_the_left() -> None:
    assert holds("'public':%(visibility)s", target={"visibility": "public"})
    assert holds("None:%(domain_id)s", target={"domain_id": None})
    assert holds("True:%(user.enabled)s", target={"user.enabled": True})
    assert not holds("'public':%(visibility)s")


def test_a_path_leads_into_nested_credentials_and_through_lists() -> None:
    creds = {"token": {"domain": {"id": "d1"}}, "service_roles": ["service"], "user_id": "u1"}
    assert holds("token.domain.id:%(target.domain.id)s", creds, {"target.domain.id": "d1"})
    assert holds("service_roles:service", creds)
    assert not holds("token.project.id:p1", creds)
    assert not holds("user_id.name:x", creds)


def test_a_missing_rule_means_the_default_rule() -> None:
    policy = Policy({"default": Rule("role:member"), "a": Rule("rule:absent")})
    assert policy.check("a", MEMBER, {}) and policy.check("never_heard_of", MEMBER, {})


def test_a_service_adds_kinds_of_its_own() -> None:
    kinds = {"field": lambda match: lambda creds, target: target.get(match) is True}
    policy = Policy({"get_network": Rule("field:shared")}, kinds=kinds)
    assert policy.check("get_network", MEMBER, {"shared": True})
    assert not policy.check("get_network", MEMBER, {"shared": False})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("role:a and", "policy rule 'asked': 'role:a and' ends where a check should follow"),
        (
            "role:a role:b",
            "'role:b' at column 8 of 'role:a role:b' is where 'and', 'or' or the end should be",
        ),
        ("(role:a or role:b", "ends where ')' should follow"),
        ("role:a)", "')' at column 7"),
        ("or role:a", "'or' at column 1"),
        ("admin", "'admin' at column 1 of 'admin' is no check: write kind:match, '@' or '!'"),
        ("'quoted'", "is no check"),
        ("not(role:a)", "is no check"),
        ("project_id:%(project_id)", "')' at column 24"),
        ("project_id:%d", "'%d' has a '%' that is neither '%(key)s' nor '%%'"),
        ("https://example.org/%(id)s", "asks a remote server"),
        ([["role:a", 3]], "3 in [['role:a', 3]] is no check"),
        (None, "None is no rule"),
    ],
)
def test_nonsense_is_refused_with_its_place(rule: Any, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        Policy({}, {"asked": rule})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ({"a": "rule:a"}, "a -> a"),
        ({"a": "rule:b", "b": "@ or not rule:c", "c": "rule:a"}, "a -> b -> c -> a"),
        ({"default": "rule:absent"}, "default -> default"),
    ],
)
def test_rules_in_a_circle_are_refused(rules: dict[str, str], way: str) -> None:
    with pytest.raises(PolicyError, match=f"in a circle: {way}$"):
        Policy({}, rules)


def test_an_override_replaces_the_check_and_keeps_the_scope() -> None:
    policy = Policy({"delete": Rule("role:admin")}, {"delete": "role:member"})
    assert policy.judge("delete", MEMBER, {}) is Verdict.ALLOWED
    assert policy.judge("delete", {**MEMBER, "system_scope": "all"}, {}) is Verdict.WRONG_SCOPE
    assert policy.warnings == ()


def test_an_override_of_nothing_is_reported() -> None:
    policy = Policy(
        {"a": Rule("role:admin")}, {"a": "rule:helper or rule:absent", "helper": "@", "typo": "@"}
    )
    assert policy.warnings == (
        "policy rule 'typo' is unknown: nothing asks for it and no rule refers to it",
        "policy rule 'a' refers to 'absent', which does not exist: it never holds",
    )


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ({"system_scope": "all"}, {"any", "system", "all"}),
        ({"domain_id": "d1"}, {"any", "all"}),
        ({"project_id": "p1"}, {"any", "project", "all"}),
        ({}, {"any", "project", "all"}),
    ],
)
def test_a_token_of_the_wrong_scope_is_told_apart(scope: dict[str, str], allowed: set[str]) -> None:
    policy = Policy(
        {
            "any": Rule("@", ANY_SCOPE),
            "project": Rule("@"),
            "system": Rule("@", ("system",)),
            "all": Rule("@", ("system", "domain", "project")),
        }
    )
    for name in ("any", "project", "system", "all"):
        expected = Verdict.ALLOWED if name in allowed else Verdict.WRONG_SCOPE
        assert policy.judge(name, scope, {}) is expected
        assert policy.check(name, scope, {}) is (name in allowed)


def test_a_refusal_is_explained() -> None:
    policy = Policy(
        {
            "owner": Rule("project_id:%(project_id)s", ANY_SCOPE),
            "delete": Rule("role:admin or (role:member and rule:owner)"),
        }
    )
    reason = policy.explain("delete", MEMBER, {"project_id": "p2"})
    assert not reason.holds
    assert reason.missing() == [
        "role:admin: the caller's roles are member, reader",
        "project_id:%(project_id)s: 'p1' is not 'p2'",
    ]
    assert str(reason).splitlines() == [
        "no  rule:delete",
        "  no  one of",
        "    no  role:admin: the caller's roles are member, reader",
        "    no  all of",
        "      yes role:member",
        "      no  rule:owner",
        "        no  project_id:%(project_id)s: 'p1' is not 'p2'",
    ]
    assert policy.explain("delete", MEMBER, {"project_id": "p1"}).missing() == []
    assert policy.explain("delete", MEMBER, {}).missing()[1] == (
        "project_id:%(project_id)s: the target has no project_id"
    )
    assert policy.explain("delete", {"system_scope": "all"}, {}).missing() == [
        "delete wants a token of project scope, this one has system scope"
    ]
    assert policy.explain("absent", MEMBER, {}).missing() == ["rule:absent does not exist"]


def test_a_policy_file_is_read() -> None:
    assert read_overrides("") == {}
    assert read_overrides('"a:b": "role:admin"\nc: []\n') == {"a:b": "role:admin", "c": []}
    for text in ("- a", "a: [", "just text"):
        with pytest.raises(PolicyError, match="the policy file"):
            read_overrides(text)


# -- the same answers as oslo.policy -----------------------------------------------------------------------

NAMES = ["r0", "r1", "r2", "r3", "default"]
TERMS = [
    *("role:admin", "role:Member", "role:reader", "role:%(wanted_role)s"),
    *("project_id:%(project_id)s", "user_id:%(target.user.id)s", "domain_id:%(domain_id)s", "domain_id:None"),
    *("system_scope:all", "system:all", "is_admin:True", "is_admin:1", "service_roles:service", "user_id:u1"),
    *(
        "'public':%(visibility)s",
        "None:%(domain_id)s",
        "True:%(enabled)s",
        "1:%(number)s",
        '"a":%(visibility)s',
    ),
    *(
        "token.domain.id:%(domain_id)s",
        "token.roles.name:%(wanted_role)s",
        "token.absent:x",
        "absent:%(absent)s",
    ),
    *("project_id:%(project_id)s-%(number)s", "user_id:%%", "@", "!"),
]


@st.composite
def rule_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Up to five rules without circles: a rule refers to later ones, or to one that does not exist."""
    rules: dict[str, Any] = {}
    for i, name in enumerate(NAMES):
        if draw(st.booleans()):
            # In the rule that stands in for absent ones, a reference to an absent one would be a circle.
            names = NAMES[i + 1 :] + (["absent"] if name != "default" else [])
            words = st.sampled_from([*TERMS, *map("rule:{}".format, names)])
            rules[name] = draw(
                st.one_of(expressions(words), st.lists(st.lists(words, max_size=3), max_size=3))
            )
    return rules


def expressions(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.sampled_from([" and ", " or ", " AND ", "  Or "])

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, joined, inner).map("".join),
            st.tuples(inner, joined, inner, joined, inner).map("".join),
            inner.map("({})".format),
            inner.map("not {}".format),
            inner.map("not ( {} )".format),
        )

    return st.one_of(st.just(""), st.recursive(words, grow, max_leaves=8))


IDS = st.sampled_from(["p1", "u1", "d1", None, "None"])
ROLES = st.lists(st.sampled_from(["admin", "Member", "member", "READER", "service"]), max_size=3)
CREDS = st.fixed_dictionaries(
    {},
    optional={
        "project_id": IDS,
        "user_id": IDS,
        "domain_id": IDS,
        "roles": ROLES,
        "service_roles": ROLES,
        "is_admin": st.booleans(),
        "system_scope": st.sampled_from(["all", None]),
        "token": st.fixed_dictionaries(
            {
                "domain": st.fixed_dictionaries({}, optional={"id": IDS}),
                "roles": st.lists(
                    st.fixed_dictionaries({"name": st.sampled_from(["admin", "member"])}), max_size=2
                ),
            }
        ),
    },
)
TARGETS = st.fixed_dictionaries(
    {},
    optional={
        "project_id": IDS,
        "domain_id": IDS,
        "target.user.id": IDS,
        "wanted_role": st.sampled_from(["ADMIN", "member", "absent"]),
        "visibility": st.sampled_from(["public", "a"]),
        "enabled": st.booleans(),
        "number": st.sampled_from([1, "1", 2]),
    },
)
CONF = cfg.ConfigOpts()
CONF([], default_config_files=[], default_config_dirs=[])
SCOPES = st.lists(st.sampled_from(["system", "domain", "project"]), unique=True, max_size=3)


def as_oslo_says(
    rules: dict[str, Any], scopes: list[str], creds: dict[str, Any], target: dict[str, Any]
) -> Any:
    enforcer = oslo_policy.Enforcer(CONF, use_conf=False)
    enforcer.set_rules(dict(oslo_policy.Rules.from_dict({"r0": "!"} | rules)))
    enforcer.register_default(oslo_policy.RuleDefault("r0", "!", scope_types=scopes or None))
    enforcer.suppress_deprecation_warnings = True
    return [bool(enforcer.enforce(name, target, dict(creds))) for name in [*NAMES, "absent"]]


@settings(max_examples=150, deadline=None)
@given(rule_sets(), SCOPES, CREDS, TARGETS)
def test_oslo_policy_gives_the_same_answers(
    rules: dict[str, Any], scopes: list[str], creds: dict[str, Any], target: dict[str, Any]
) -> None:
    logging.getLogger("oslo_policy").setLevel(logging.CRITICAL)
    policy = Policy({"r0": Rule("!", tuple(scopes))}, rules)
    answers = [policy.check(name, creds, target) for name in [*NAMES, "absent"]]
    assert answers == as_oslo_says(rules, scopes, creds, target)
    for name, allowed in zip([*NAMES, "absent"], answers, strict=True):
        assert policy.explain(name, creds, target).holds is allowed
