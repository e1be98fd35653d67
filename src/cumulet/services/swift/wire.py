# SPDX-License-Identifier: Apache-2.0
"""Swift's letter: headers carry what matters, refusals are a page or a line of text."""

import time

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error
from cumulet.kernel.http.wire import ErrorBody, WireProfile

_EXPLAINED = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    401: "This server could not verify that you are authorized to access the document you requested.",
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    405: "The method is not allowed for this resource.",
    406: "The resource is not available in a format acceptable to your browser.",
    409: "There was a conflict when trying to complete your request.",
    411: "Content-Length header required.",
    412: "A precondition for this request was not met.",
    413: "The body of your request was too large for this server.",
    416: "The Range requested is not available.",
    422: "Unable to process the contained instructions",
    501: "The requested method is not implemented by this server.",
}


def error(refusal: Error, request_id: str) -> ErrorBody:
    """The message as a line of text; a page where there is none but the status."""
    if refusal.message != refusal.title:
        return ErrorBody(refusal.message.encode(), "text/plain; charset=UTF-8")
    text = _EXPLAINED.get(refusal.status, refusal.title)
    page = f"<html><h1>{refusal.title}</h1><p>{text}</p></html>"
    return ErrorBody(page.encode(), "text/html; charset=UTF-8")


def answer_headers(ctx: Context) -> dict[str, str]:
    """The request's id in the form that clients look for, and the type that answers without a body have."""
    return {"X-Trans-Id": transaction_id(ctx.request_id), "Content-Type": "text/html; charset=UTF-8"}


def transaction_id(request_id: str) -> str:
    return f"tx{request_id.removeprefix('req-').replace('-', '')[:21]}-{int(time.time()):010x}"


WIRE = WireProfile(error=error, other_forms=("application/xml",), raw_headers=True, slash_counts=True)
