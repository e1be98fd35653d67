# SPDX-License-Identifier: Apache-2.0
"""Amazon's letter: XML, with a code for each refusal."""

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cumulet.kernel.errors import BadRequest, Error
from cumulet.kernel.http.messages import Reply

XML = "application/xml"
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
_NO_XML = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}
_CODES = {
    400: "InvalidRequest", 401: "AccessDenied", 403: "AccessDenied", 405: "MethodNotAllowed",
    409: "OperationAborted", 411: "MissingContentLength", 412: "PreconditionFailed", 413: "EntityTooLarge",
    416: "InvalidRange", 422: "BadDigest", 500: "InternalError", 501: "NotImplemented",
    503: "ServiceUnavailable",
}  # fmt: skip
_MESSAGES = {
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchBucket": "The specified bucket does not exist.",
    "AccessDenied": "Access Denied.",
    "NotImplemented": "A header or query you provided requests something that is not there.",
}
"""What is said where a refusal says nothing but its status."""
_STATUS = {401: 403, 422: 400}
Node = tuple[str, Any]
"""An element: its tag, which attributes may follow, and its text or what is in it."""


def refusal(error: Error, resource: str, request_id: str, *, of_key: bool) -> Reply:
    missing = "NoSuchKey" if of_key else "NoSuchBucket"
    code = error.kind if error.kind != type(error).__name__ else _CODES.get(error.status, missing)
    message = _MESSAGES.get(code, error.message) if error.message == error.title else error.message
    nodes = [("Code", code), ("Message", message), ("Resource", resource), ("RequestId", request_id)]
    headers = {name: value for name, value in error.headers.items() if name in ("Content-Range", "Allow")}
    return Reply(_STATUS.get(error.status, error.status), document("Error", nodes, bare=True), headers, XML)


def answer(tag: str, nodes: Iterable[Node], **headers: str) -> Reply:
    return Reply(200, document(tag, nodes), headers, XML)


def document(tag: str, nodes: Iterable[Node], *, bare: bool = False) -> bytes:
    """A whole document; errors have no namespace."""
    space = "" if bare else f' xmlns="{_NAMESPACE}"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag}{space}>{_inner(nodes)}</{tag}>'.encode()


def _inner(nodes: Iterable[Node]) -> str:
    return "".join(
        f"<{tag}>{_inner(value) if isinstance(value, list) else escape(_text(value))}</{tag.split()[0]}>"
        for tag, value in nodes
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).translate(_NO_XML)


def read(body: bytes) -> ElementTree.Element:
    """The root of a document, whose tags are without their namespaces. Raises BadRequest."""
    try:
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise ElementTree.ParseError
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise BadRequest("The XML you provided was not well-formed.", kind="MalformedXML") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
