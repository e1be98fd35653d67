# SPDX-License-Identifier: Apache-2.0
"""The methods by which one proves who one is, each in a file of its own.

Whatever is wrong, the answer is the same 401, and takes as long.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.services.keystone.tokens.methods import (
    application_credential,
    external,
    mapped,
    oauth1,
    password,
    token,
    totp,
)
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words


@dataclass(frozen=True)
class Method:
    """`schema` is that of the words which a request says below the method's name.

    `prove(ctx, words, asked)` is who has proved what. It raises Unauthorized, and BadRequest for what is
    missing.
    """

    schema: Mapping[str, Any]
    prove: Callable[[Context, Words, Asked], Awaitable[Proof]]


METHODS: Mapping[str, Method] = {
    "password": Method(password.SCHEMA, password.prove),
    "token": Method(token.SCHEMA, token.prove),
    "application_credential": Method(application_credential.SCHEMA, application_credential.prove),
    "oauth1": Method(oauth1.SCHEMA, oauth1.prove),
    "totp": Method(totp.SCHEMA, totp.prove),
    "external": Method(external.SCHEMA, external.prove),
    **{name: Method(mapped.SCHEMA, partial(mapped.prove, method=name)) for name in mapped.NAMES},
}
