# SPDX-License-Identifier: Apache-2.0
"""Who asks by S3, and how they are answered: every route of it goes through `served`."""

import functools
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from cumulet.contracts.keystone import Signers
from cumulet.kernel.auth import access_rules
from cumulet.kernel.auth.context import Context, Identity
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error, Forbidden
from cumulet.kernel.http.messages import Reply, Request
from cumulet.lib import timestamps
from cumulet.services.swift import access
from cumulet.services.swift.access import Grant
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.names import PREFIX, Place
from cumulet.services.swift.s3 import letter
from cumulet.services.swift.s3.signing import Signed, signed

Answer = Callable[[Context, Request], Awaitable[Reply]]


def served(answer: Answer) -> Answer:
    """The answer to who has signed the request, and refusals in Amazon's letter."""

    @functools.wraps(answer)
    async def answering(ctx: Context, request: Request) -> Reply:
        try:
            await _recognize(ctx, request)
            return await answer(ctx, request)
        except Error as refusal:
            resource = quote(request.asked)
            return letter.refusal(refusal, resource, ctx.request_id, of_key="key" in request.params)

    return answering


async def _recognize(ctx: Context, request: Request) -> None:
    """Raise Forbidden unless somebody has signed, or has a token as for Swift."""
    now = timestamps.to_epoch(ctx.app.clock.now())
    found = signed(request, now)
    if found is None:
        if not ctx.user_id:
            raise Forbidden("Requests without a signature are not answered.", kind="AccessDenied")
        return
    identity = await ctx.transact(_identity, found) if ctx.app.provides(Signers) else None
    if identity is None:
        raise Forbidden(
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            kind="SignatureDoesNotMatch",
        )
    ctx.identity = identity
    ctx.__dict__.pop("creds", None)
    access_rules.require(ctx, request.method, request.path)


def _identity(tx: Tx, found: Signed) -> Identity | None:
    signers = tx.app.contract(Signers)
    found_by = (signers.identity(tx, found.access, text, found.signature) for text in found.texts)
    return next((identity for identity in found_by if identity is not None), None)


def place_of(ctx: Context, request: Request) -> Place:
    """The bucket or the object of a request, in the caller's account."""
    params = request.params
    return Place(f"{PREFIX}{ctx.project_id or ''}", params.get("bucket", ""), params.get("key", ""))


async def entered(ctx: Context, request: Request, place: Place, method: str = "") -> tuple[Found, Grant]:
    """What is at a place where the caller may do this. Raises Forbidden."""
    found = await ctx.read(find, place)
    return found, access.permitted(
        ctx, access.asking(request, place, found.account, found.container, method or request.method)
    )
