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
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from tests.conversations.furnished import Furnished, furnished, parsed, told

from cumulet.main import SERVICES, openapi

EXAMPLES = int(os.environ.get("CUMULET_FUZZ_EXAMPLES", "4"))
SEED = int(os.environ.get("CUMULET_FUZZ_SEED", "1"))
ORDER = ("POST", "PUT", "PATCH", "GET", "HEAD", "OPTIONS", "DELETE")
REASONS = (501, 503)
ALWAYS_REFUSED = {
    "/v3/OS-FEDERATION/saml2/metadata",
    "/v3/auth/OS-FEDERATION/saml2",
    "/v3/auth/OS-FEDERATION/saml2/ecp",
}
"""What upstream answers with 500 where nobody has set it up."""

OF_OAUTH2 = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error", "error_description"],
    "additionalProperties": False,
}
LETTERS = {"/v3/OS-OAUTH2/token": jsonschema_rs.Draft202012Validator(OF_OAUTH2)}
"""Where refusals have the form of another standard than that of their API."""

schemathesis.serializer.alias("application/openstack-images-v2.1-json-patch", "application/json")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Furnished]:
    with furnished() as found:
        yield found


class Judge:
    """What is wrong with the answers of one service, one sentence for each kind of request."""

    def __init__(self, cloud: Furnished, document: dict[str, Any]) -> None:
        self.cloud = cloud
        content = document["components"]["responses"]["Refused"]["content"]
        self.forms = {
            kind: jsonschema_rs.Draft202012Validator(body["schema"]) for kind, body in content.items()
        }
        self.answered: Counter[int] = Counter()
        self.found: dict[tuple[str, str], str] = {}

    def see(self, operation: Any, case: Any, answer: Any) -> None:
        self.answered[answer.status_code] += 1
        if operation.path in ALWAYS_REFUSED and answer.status_code == 500:
            return
        if wrong := self._wrong(operation.path, answer) or self._broken(case, answer):
            asked = f"{case.formatted_path} {case.query} {case.body!r}"
            self.found.setdefault((operation.label, wrong[:40]), f"{operation.label}: {wrong}: {asked[:600]}")

    def _broken(self, case: Any, answer: Any) -> str:
        """How an answer of success is not as the document promises."""
        sent = {name: value for name, value in answer.request.headers.items() if isinstance(value, str)}
        url = urlsplit(answer.request.url)
        whole = parsed(answer.status_code, header(answer, "content-type"), answer.content)
        return self.cloud.promises.broken(case.method, f"{url.path}?{url.query}", case.body, sent, whole)

    def _wrong(self, path: str, answer: Any) -> str:
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
        form = LETTERS.get(path, self.forms[kind])
        return "" if form.is_valid(body) else f"{status} {answer.text[:300]}"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_read_is_what_the_document_promises(cloud: Furnished, service: str) -> None:
    """Every answer to the furnished cloud's `ask` is held against the document; here those to all GETs."""
    document, answered = openapi(service), []
    for url in reads(cloud, document):
        answer = cloud.ask("GET", url, **asking(document))
        assert answer.status_code < 500 or url.partition("/identity")[2] in ALWAYS_REFUSED, (url, answer.text)
        answered.append(answer.status_code < 400)
    assert sum(answered) > 0.7 * len(answered)


@pytest.mark.parametrize(
    ("service", "type", "versions"),
    [
        ("nova", "compute", ("2.1", "2.3", "2.26", "2.35", "2.46", "2.52", "2.60", "2.74", "2.87", "2.96")),
        ("cinder", "volume", ("3.0", "3.12", "3.30", "3.45", "3.55")),
        ("placement", "placement", ("1.0", "1.6", "1.11", "1.18", "1.28", "1.37")),
    ],
)
def test_older_versions_read_as_their_own_documents_promise(
    cloud: Furnished, service: str, type: str, versions: tuple[str, ...]
) -> None:
    for version in versions:
        for url in reads(cloud, openapi(service)):
            assert cloud.ask("GET", url, **{"OpenStack-API-Version": f"{type} {version}"}).status_code < 500


def reads(cloud: Furnished, document: dict[str, Any]) -> list[str]:
    """Where there is something to read."""
    found = []
    for path, item in document["paths"].items():
        if any(status[0] in "23" for status in item.get("get", {}).get("responses", ())):
            names = {part["name"]: cloud.known.get(part["name"], ["none"])[0] for part in item["parameters"]}
            found.append(document["servers"][0]["url"] + path.format(**names))
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_no_request_is_too_strange_to_be_answered(cloud: Furnished, service: str) -> None:
    document = told(openapi(service), cloud.known)
    judge = Judge(cloud, document)
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


def asking(document: dict[str, Any]) -> dict[str, str]:
    """The header that asks for the version that the document describes."""
    version = document["components"]["parameters"].get("microversion")
    return {"OpenStack-API-Version": version["schema"]["enum"][0]} if version else {}


def header(answer: Any, name: str) -> str:
    return str(answer.headers.get(name, [""])[0])


def base_path(operation: Any) -> str:
    return str(operation.schema.raw_schema["servers"][0]["url"])
