# SPDX-License-Identifier: Apache-2.0
"""Whether a request bears the signature that OAuth 1.0a asks for; oauthlib knows what that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from oauthlib.oauth1 import (
    SIGNATURE_HMAC_SHA1,
    SIGNATURE_HMAC_SHA256,
    SIGNATURE_HMAC_SHA512,
    AccessTokenEndpoint,
    RequestTokenEndpoint,
    RequestValidator,
    ResourceEndpoint,
)
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

from cumulet.kernel.errors import BadRequest
from cumulet.services.keystone.errors import expecting, malformed, unauthorized


@dataclass(frozen=True)
class Signed:
    """A POST to a URL with an Authorization header."""

    url: str
    authorization: str

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """What the header says. Raises BadRequest for one that is missing or of another kind."""
        try:
            return dict(parse_authorization_header(self.authorization))
        except ValueError:
            raise malformed("Error retrieving OAuth headers") from None

    def need(self, name: str) -> str:
        """One of the parameters. Raises BadRequest when it is missing."""
        value = self.parameters.get(name)
        if not value:
            raise expecting(name, "request")
        return value

    @property
    def as_asked(self) -> dict[str, Any]:
        """The request in the words of oauthlib."""
        headers = {"Authorization": self.authorization}
        return {"uri": self.url, "http_method": "POST", "body": "", "headers": headers}


def check_consumer(signed: Signed, consumer_secret: str) -> None:
    """Raise Unauthorized unless the consumer has signed, BadRequest for what is no such request."""
    endpoint = RequestTokenEndpoint(_Secrets(consumer_secret))
    _judge(endpoint.create_request_token_response, signed)


def check_exchange(signed: Signed, consumer_secret: str, token_secret: str, verifier: str | None) -> None:
    """The same for a request token that is turned into an access token: its user has told the verifier."""
    endpoint = AccessTokenEndpoint(_Secrets(consumer_secret, token_secret, verifier))
    _judge(endpoint.create_access_token_response, signed)


def has_signed(signed: Signed, consumer_secret: str, token_secret: str) -> bool:
    """Whether the consumer has signed with the secret of an access token too."""
    endpoint = ResourceEndpoint(_Secrets(consumer_secret, token_secret))
    try:
        valid, _ = endpoint.validate_protected_resource_request(**signed.as_asked)
    except ValueError:
        return False
    return bool(valid)


def _judge(ask: Any, signed: Signed) -> None:
    try:
        _, answer, _ = ask(**signed.as_asked)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if not answer:
        raise unauthorized()
    found = parse_qs(answer)
    if "error" in found:
        raise BadRequest(
            f"Validation failed with errors: {found['error'][0]}, detail message is: "
            f"{found['error_description'][0]}."
        )


class _Secrets(RequestValidator):  # type: ignore[misc]
    """What oauthlib asks about one request. Whose secrets these are was found out before."""

    allowed_signature_methods = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_HMAC_SHA512)
    enforce_ssl = False

    def __init__(self, consumer: str, token: str = "", verifier: str | None = None) -> None:
        super().__init__()
        self._consumer, self._token, self._verifier = consumer, token, verifier

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self._consumer

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self._token

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self._token

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        return self._verifier is not None and self._verifier == verifier

    def _always(self, *args: Any, **kwargs: Any) -> bool:
        return True

    check_client_key = check_nonce = check_request_token = check_access_token = check_verifier = _always
    check_realms = validate_realms = validate_requested_realms = validate_redirect_uri = _always
    validate_client_key = validate_request_token = validate_access_token = _always
    validate_timestamp_and_nonce = _always

    def _nothing(self, *args: Any, **kwargs: Any) -> list[str]:
        return []

    get_default_realms = get_realms = _nothing
    save_request_token = save_access_token = invalidate_request_token = _nothing
