# SPDX-License-Identifier: Apache-2.0
"""The documents that other programs are made from: valid, whole, and true of what is answered."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cumulet.kernel import docs
from cumulet.kernel.service import Running
from cumulet.main import SERVICES, openapi, services

METHODS = {"get", "head", "post", "put", "patch", "delete", "options", "x-copy"}

EMPTY = {
    "cinder": {"put /v3/os-services/freeze", "put /v3/os-services/thaw"},
    "keystone": {"put /v3/projects/{project_id}/tags/{value}"},
    "neutron": {
        *(
            f"put /v2.0/{plural}/{{{member}_id}}/tags/{{tag}}"
            for plural, member in (
                ("networks", "network"),
                ("subnets", "subnet"),
                ("subnetpools", "subnetpool"),
                ("ports", "port"),
                ("routers", "router"),
                ("floatingips", "floatingip"),
                ("security-groups", "security_group"),
            )
        ),
    },
    "nova": {"put /v2.1/servers/{server_id}/tags/{tag}"},
    "swift": {
        "put /v1/{account}",
        "put /v1/{account}/{container}",
        "put /v1/{account}/{container}/{object}",
        "x-copy /v1/{account}/{container}/{object}",
    },
    "placement": {"put /traits/{name}", "post /resource_classes", "put /resource_classes/{name}"},
}
"""What answers 200 or 201 without a body, as upstream does: there is nothing to say but an address."""


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def running(service: str) -> Running:
    return Running(next(manifest for manifest in services([service]) if manifest.name == service))


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_of_every_service_is_valid(service: str) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(openapi(service)).iter_errors()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_stands_in_the_document_of_its_service(service: str) -> None:
    api = running(service).api
    newest = api.microversions.bounds[1] if api.microversions else 0
    told = {(path, method) for path, method, _ in operations(openapi(service))}
    there = {
        (
            ((api.prefix if e.prefixed else "") + e.path).replace(":path}", "}").rstrip("/") or "/",
            "x-copy" if e.method == "COPY" else e.method.lower(),
        )
        for e in api.endpoints
        if e.known_in(newest)
    }
    assert told == there


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_name_of_its_own_and_tells_of_refusals(service: str) -> None:
    found = operations(openapi(service))
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)
    for _, _, operation in found:
        assert operation["summary"] and operation["tags"]
        assert "default" in operation["responses"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_tells_what_it_answers(service: str) -> None:
    silent = {
        f"{method} {path}"
        for path, method, operation in operations(openapi(service))
        for status, response in operation["responses"].items()
        if status in ("200", "201", "203", "207", "300") and not response.get("content")
        if method not in ("delete", "head")
    }
    assert silent == EMPTY.get(service, set())


def test_who_follows_the_document_asks_for_the_version_that_it_describes() -> None:
    document = openapi("nova")
    header = document["components"]["parameters"]["microversion"]
    assert header["schema"] == {"type": "string", "enum": [f"compute {document['info']['version']}"]}
    shown = document["paths"]["/v2.1/servers/{server_id}"]["get"]["parameters"]
    assert {"$ref": "#/components/parameters/microversion"} in shown


def test_headers_of_our_own_stand_where_they_count() -> None:
    nova = openapi("nova")["paths"]

    def has(path: str, method: str, header: str) -> bool:
        return {"$ref": f"#/components/parameters/{header}"} in nova[path][method].get("parameters", [])

    assert has("/v2.1/servers", "post", "idempotency-key") and has("/v2.1/servers", "post", "dry-run")
    assert has("/v2.1/servers/{server_id}", "delete", "dry-run")
    assert not has("/v2.1/servers/{server_id}", "delete", "idempotency-key")
    assert not has("/v2.1/servers", "get", "dry-run")
    assert not has("/v2.1/os-server-external-events", "post", "dry-run")


def test_a_document_can_be_had_of_an_older_version() -> None:
    nova = running("nova")
    old, new = docs.openapi(nova, 2001), docs.openapi(nova)
    assert old["info"]["version"] == "2.1"
    assert "/v2.1/servers/{server_id}/tags" not in old["paths"]
    assert "/v2.1/servers/{server_id}/tags" in new["paths"]


def test_what_is_shown_and_what_may_be_sent_come_from_the_declaration() -> None:
    networks = openapi("neutron")["paths"]["/v2.0/networks"]
    sent = networks["post"]["requestBody"]["content"]["application/json"]["schema"]
    shown = networks["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    for body in (
        sent["anyOf"][0]["properties"]["network"],
        sent["anyOf"][1]["properties"]["networks"]["items"],
    ):
        assert "name" in body["properties"]
        assert "status" not in body["properties"]
    made, several = shown["anyOf"]
    assert made["properties"]["network"]["properties"]["status"] == {"type": "string"}
    assert several["properties"]["networks"]["items"] == made["properties"]["network"]
    listed = networks["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert listed["properties"]["networks"]["items"]["title"] == "Network"


@pytest.mark.parametrize(
    ("service", "form"),
    [("keystone", "error"), ("neutron", "NeutronError"), ("nova", "itemNotFound"), ("placement", "errors")],
)
def test_refusals_are_described_in_the_form_of_the_api(service: str, form: str) -> None:
    content = openapi(service)["components"]["responses"]["Refused"]["content"]
    schema = content["application/json"]["schema"]
    assert any(form in known["properties"] for known in schema.get("anyOf", [schema]))
