# SPDX-License-Identifier: Apache-2.0
"""`cumulet keystone mapping test` prints what upstream's keystone-manage mapping_engine prints."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cumulet.cli import commands

RULES = [
    {
        "local": [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"name": "Default"}}],
        "remote": [{"type": "UserName"}, {"type": "Groups"}],
    }
]
ASSERTION = "UserName: tbo\n\nGroups: a:b;c\nX_Other: 1\n"


def run(tmp_path: Path, rules: Any, assertion: str, *more: str) -> Result:
    (tmp_path / "rules.json").write_text(rules if isinstance(rules, str) else json.dumps(rules))
    (tmp_path / "input.txt").write_text(assertion)
    words = ["keystone", "mapping", "test", "--rules", str(tmp_path / "rules.json")]
    return CliRunner().invoke(commands(None), [*words, "--input", str(tmp_path / "input.txt"), *more])


@pytest.mark.parametrize("rules", [RULES, {"rules": RULES}, {"mapping": {"rules": RULES}}])
def test_a_mapping_says_who_somebody_would_be(tmp_path: Path, rules: Any) -> None:
    result = run(tmp_path, rules, ASSERTION)
    assert result.exit_code == 0, result.output
    expected = {
        "user": {"name": "tbo", "type": "ephemeral"},
        "group_ids": [],
        "group_names": [{"name": name, "domain": {"name": "Default"}} for name in ("a:b", "c")],
        "projects": [],
    }
    assert result.output == json.dumps(expected, indent=2) + "\n"


@pytest.mark.parametrize(
    ("rules", "assertion", "more", "sentence"),
    [
        (RULES, "UserName: tbo", (), "Could not map any federated user properties to identity values."),
        (RULES, ASSERTION, ("--prefix", "X_"), "Could not map any federated user properties"),
        (RULES, "nonsense", (), "at line 1 expected 'key: value' but found 'nonsense'"),
        ("{", ASSERTION, (), "Error while parsing rules"),
        ([], ASSERTION, (), "[] has less than 1 item"),
        ({"rules": RULES, "schema_version": "7"}, ASSERTION, (), "There is no schema version '7'"),
    ],
)
def test_what_maps_nobody_is_told_why(
    tmp_path: Path, rules: Any, assertion: str, more: tuple[str, ...], sentence: str
) -> None:
    result = run(tmp_path, rules, assertion, *more)
    assert result.exit_code == 1
    assert sentence in result.output
