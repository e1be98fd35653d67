# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody thought of: made from each service's document, sent to a whole cloud.

Half of them are what the document allows and half break it; half are asked by the administrator and half by
a plain member. Whatever is sent, no answer is a 5xx without a reason, every refusal has its API's form, and
every answer names its request. `CUMULET_FUZZ_EXAMPLES` asks for more than the few of an ordinary run, and
`CUMULET_FUZZ_SEED` for others.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from tests.conversations.furnished import Furnished, furnished, told

from cumulet.main import SERVICES, openapi

EXAMPLES = int(os.environ.get("CUMULET_FUZZ_EXAMPLES", "4"))
SEED = int(os.environ.get("CUMULET_FUZZ_SEED", "1"))
ORDER = ("POST", "PUT", "PATCH", "GET", "HEAD", "DELETE")
REASONS = (501, 503)

schemathesis.serializer.alias("application/openstack-images-v2.1-json-patch", "application/json")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Furnished]:
    with furnished() as found:
        yield found


class Judge:
    """What is wrong with the answers of one service, one sentence for each kind of request."""

    def __init__(self, document: dict[str, Any]) -> None:
        content = document["components"]["responses"]["Refused"]["content"]
        self.forms = {
            kind: jsonschema_rs.Draft202012Validator(body["schema"]) for kind, body in content.items()
        }
        self.answered: Counter[int] = Counter()
        self.found: dict[tuple[str, str], str] = {}

    def see(self, operation: Any, case: Any, answer: Any) -> None:
        self.answered[answer.status_code] += 1
        if wrong := self._wrong(answer):
            asked = f"{case.formatted_path} {case.query} {case.body!r}"
            self.found.setdefault((operation.label, wrong[:40]), f"{operation.label}: {wrong}: {asked[:600]}")

    def _wrong(self, answer: Any) -> str:
        status, kind = answer.status_code, header(answer, "content-type").partition(";")[0]
        if not header(answer, "x-openstack-request-id").startswith("req-"):
            return f"{status} without the request's id"
        if status >= 500 and status not in REASONS:
            return f"{status} {answer.text[:300]}"
        if status < 400 or not answer.content:
            return ""
        if kind not in self.forms:
            return f"{status} as {kind}"
        body = json.loads(answer.content) if "json" in kind else answer.text
        return "" if self.forms[kind].is_valid(body) else f"{status} {answer.text[:300]}"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_read_is_what_the_document_promises(cloud: Furnished, service: str) -> None:
    document = openapi(service)
    version = document["components"]["parameters"].get("microversion")
    headers = {"OpenStack-API-Version": version["schema"]["enum"][0]} if version else {}
    for path, item in document["paths"].items():
        if (operation := item.get("get")) is None:
            continue
        names = {part["name"]: cloud.known.get(part["name"], ["none"])[0] for part in item["parameters"]}
        answer = cloud.ask("GET", document["servers"][0]["url"] + path.format(**names), **headers)
        promised = operation["responses"].get(str(answer.status_code))
        assert promised is not None or answer.status_code in (300, 400, 403, 404), (path, answer.status_code)
        for content in (promised or {}).get("content", {}).values():
            validator = jsonschema_rs.Draft202012Validator(content["schema"])
            wrong = [(error.instance_path, error.message) for error in validator.iter_errors(answer.json())]
            assert not wrong, (path, wrong)


@pytest.mark.parametrize("service", SERVICES)
def test_no_request_is_too_strange_to_be_answered(cloud: Furnished, service: str) -> None:
    document = told(openapi(service), cloud.known)
    judge = Judge(document)
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in sorted(operations, key=lambda o: ORDER.index(o.method.upper())):
        try_out(cloud, operation, judge)
    assert cloud.ask("GET", "identity/v3/auth/projects").status_code == 200
    print(f"{service}: {judge.answered.total()} requests of {len(operations)} operations: {judge.answered}")
    assert not judge.found, "\n".join(sorted(judge.found.values()))


def try_out(cloud: Furnished, operation: Any, judge: Judge) -> None:
    """Send a few requests of one operation and have the answers judged."""
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases, who=st.sampled_from(sorted(cloud.tokens)))
    def ask(case: Any, who: str) -> None:
        headers = {"X-Auth-Token": cloud.tokens[who]}
        answer = case.call(
            base_url=cloud.cloud.url + base_path(operation),
            session=cloud.session,
            headers=headers,
            timeout=20,
        )
        judge.see(operation, case, answer)

    ask()


def header(answer: Any, name: str) -> str:
    return str(answer.headers.get(name, [""])[0])


def base_path(operation: Any) -> str:
    return str(operation.schema.raw_schema["servers"][0]["url"])
