# SPDX-License-Identifier: Apache-2.0
"""The words in which answers are described, and answers held against them."""

from typing import Any, Literal

import pytest

from cumulet.kernel.docs.operations import operation
from cumulet.kernel.errors import Error
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.wire import ErrorBody, WireProfile
from cumulet.kernel.resource.shapes import (
    At,
    array,
    by_version,
    either,
    keys,
    mapping,
    maybe,
    nullable,
    shape,
    since,
    until,
)
from cumulet.testing.asgi import Answer
from cumulet.testing.promises import judge

KEY = keys(id=int, kind=Literal["rsa", "dsa"], note=maybe(str | None), user=since("2.2", str))


def error(error: Error, request_id: str) -> ErrorBody:
    return ErrorBody(b"{}")


def at(version: int = 2001) -> At:
    return At(version, WireProfile(error=error))


@pytest.mark.parametrize(
    ("part", "schema"),
    [
        (int, {"type": "integer"}),
        (str | None, {"type": ["string", "null"]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Literal["a"] | None, {"enum": ["a", None]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict[str, Any], {"type": "object"}),
        (Any, {}),
        ({"format": "uuid"}, {"format": "uuid"}),
        (mapping(list[int]), shape(dict[str, list[int]], at())),
        (array(str), shape(list[str], at())),
        (nullable(array(str)), {"type": ["array", "null"], "items": {"type": "string"}}),
        (either(str, int), shape(str | int, at())),
    ],
)
def test_a_part_is_a_type_or_a_word(part: Any, schema: dict[str, Any]) -> None:
    assert shape(part, at()) == schema


def test_keys_stand_there_in_their_versions_and_must_unless_they_may() -> None:
    old, new = shape(KEY, at(2001)), shape(KEY, at(2002))
    assert list(old["properties"]) == ["id", "kind", "note"]
    assert old["required"] == ["id", "kind"]
    assert new["required"] == ["id", "kind", "user"]
    assert list(shape(keys(a=until("2.1", str)), at(2002))["properties"]) == []


def test_an_answer_may_be_another_in_each_version() -> None:
    both = by_version({"2.0": list[str], "2.2": dict[str, str]})
    assert [shape(both, at(version))["type"] for version in (2000, 2001, 2002)] == [
        "array",
        "array",
        "object",
    ]


def responses(version: int = 2001, **rules: Any) -> Any:
    endpoint = Endpoint(method="GET", path="/", run=lambda tx, ctx, request: None, **rules)
    return operation([endpoint], at(version), versioned=False)["responses"]


def answered(status: int, body: Any, kind: str = "application/json") -> Answer:
    return Answer(status, {"content-type": kind}, body)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (answered(200, {"id": 1, "kind": "rsa"}), ""),
        (answered(200, {"id": 1, "kind": "rsa", "note": None}), ""),
        (answered(200, {"id": 1}), '"kind" is a required property'),
        (answered(200, {"id": 1, "kind": "rsa", "user": "u"}), "Additional properties are not allowed"),
        (answered(200, {"id": 1, "kind": "ed25519"}), 'kind: "ed25519" is not one of'),
        (answered(201, {"id": 1, "kind": "rsa"}), "201 is not among 200, default"),
        (answered(200, b"text", "text/plain"), "text/plain is not among application/json"),
        (answered(200, None), "there is no body"),
    ],
)
def test_an_answer_is_held_against_its_description(answer: Answer, wrong: str) -> None:
    found = judge(responses(answer=KEY), answer)
    assert wrong in found if wrong else not found


def test_a_body_that_is_not_described_is_found() -> None:
    assert judge(responses(), answered(200, {"id": 1})) == "application/json is not among nothing"
    assert judge(responses(answer=since("2.2", KEY)), answered(200, None)) == ""
    assert judge(responses(returns="text/plain"), answered(200, b"text", "text/plain")) == ""


def test_other_answers_of_success_are_told_of() -> None:
    found = responses(answer=KEY, also=(204,))
    assert set(found) == {"200", "204", "default"} and "content" not in found["204"]
