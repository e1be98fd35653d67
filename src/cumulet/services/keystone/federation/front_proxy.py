# SPDX-License-Identifier: Apache-2.0
"""What the front proxy says of who asks.

A web server in front of us speaks SAML or OpenID Connect with identity providers and tells us in headers what
they assert. Anybody can send headers, so they count only together with a secret that the proxy shares with
us. Without it nothing has been asserted, and no mapping makes somebody of nothing.

A header `OIDC-iss` becomes the attribute `HTTP_OIDC_ISS`, `Remote-User` also REMOTE_USER, as web servers name
them for the programs behind them. A name with an underscore is passed over: it would look like one with a
dash, which the proxy has made sure of.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from cumulet.services.keystone.settings import KeystoneSettings

SECRET = "x-front-proxy-secret"
_PRIVATE = frozenset({SECRET, "authorization", "cookie", "x-auth-token", "x-subject-token"})


@dataclass(frozen=True)
class Asserted:
    """`remote_user` is whom the proxy itself let in, `attributes` what mappings see."""

    remote_user: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


NOTHING = Asserted()


def asserted(settings: KeystoneSettings, headers: Mapping[str, str]) -> Asserted:
    """What these headers assert; nothing unless the front proxy has sent them."""
    if not is_from_proxy(settings, headers):
        return NOTHING
    said = {name: _text(value) for name, value in headers.items() if "_" not in name and name not in _PRIVATE}
    attributes = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in said.items()}
    remote_user = said.get("remote-user", "")
    if remote_user:
        attributes["REMOTE_USER"] = remote_user
    prefix = settings.assertion_prefix
    return Asserted(remote_user, {name: v for name, v in attributes.items() if name.startswith(prefix)})


def is_from_proxy(settings: KeystoneSettings, headers: Mapping[str, str]) -> bool:
    """Whether a request bears the secret; never if there is none."""
    secret, given = settings.front_proxy_secret, headers.get(SECRET, "")
    return secret is not None and hmac.compare_digest(given.encode(), secret.encode())


def _text(value: str) -> str:
    """A header's text: HTTP says that it is Latin-1, identity providers send UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
