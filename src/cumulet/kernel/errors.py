# SPDX-License-Identifier: Apache-2.0
"""Every refusal, in one tree. Services raise; only kernel/http turns one into an answer.

    Error                       500
    ├── BadRequest              400  the request makes no sense as it stands
    │   └── Invalid                  its body or query breaks the schema
    ├── Unauthorized            401  nobody, or somebody unknown
    ├── Forbidden               403  known, and not allowed
    │   ├── NotPermitted             the policy says no
    │   └── OverQuota                a limit would be passed (413 in some APIs)
    ├── NotFound                404
    ├── MethodNotAllowed        405
    ├── NotAcceptable           406  a version or media type we do not speak
    ├── Conflict                409  not in its present state
    │   ├── Duplicate                a name or id is taken
    │   └── StateConflict            its state does not allow it
    ├── Gone                    410  was here once
    ├── LengthRequired          411
    ├── PreconditionFailed      412
    ├── TooLarge                413
    ├── UnsupportedMediaType    415
    ├── RangeNotSatisfiable     416
    ├── Unprocessable           422  well-formed, and not what it says it is
    ├── NotImplementedHere      501
    └── Unavailable             503  come back after `retry_after` seconds

A message says what was asked, what is true, and what would do. `kind` is the name that clients match on where
an API sends one (Neutron's exception class, Placement's error code).
"""

from collections.abc import Mapping


class Error(Exception):
    """A refusal.

    With `commit` true the transaction that raised it is kept: a failed login, an audit record.
    """

    status = 500
    title = "Internal Server Error"

    def __init__(
        self,
        message: str = "",
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        commit: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message or self.title
        self.kind = kind or type(self).__name__
        self.headers = dict(headers or {})
        self.commit = commit
        self.refused_by = ""
        """The policy rule that is behind it, where it does not say so itself."""


class BadRequest(Error):
    status = 400
    title = "Bad Request"


class Invalid(BadRequest):
    """A body or query that breaks its schema."""


class Unauthorized(Error):
    status = 401
    title = "Unauthorized"


class Forbidden(Error):
    status = 403
    title = "Forbidden"


class NotPermitted(Forbidden):
    """The policy refuses: `rule` is the rule that failed."""

    def __init__(self, message: str = "", *, rule: str = "", commit: bool = False) -> None:
        super().__init__(message or f"Policy doesn't allow {rule} to be performed.", commit=commit)
        self.rule = self.refused_by = rule


class OverQuota(Forbidden):
    """A limit would be passed; `resources` are the names of what is short."""

    def __init__(self, message: str, *, resources: tuple[str, ...] = (), kind: str = "OverQuota") -> None:
        super().__init__(message, kind=kind)
        self.resources = resources


class NotFound(Error):
    status = 404
    title = "Not Found"


class MethodNotAllowed(Error):
    status = 405
    title = "Method Not Allowed"


class NotAcceptable(Error):
    status = 406
    title = "Not Acceptable"


class Conflict(Error):
    status = 409
    title = "Conflict"


class Duplicate(Conflict):
    """A unique name, address or id is taken; `columns` say which."""

    def __init__(self, message: str, *, columns: tuple[str, ...] = (), kind: str = "") -> None:
        super().__init__(message, kind=kind)
        self.columns = columns


class StateConflict(Conflict):
    """The thing is in a state that does not allow this."""


class Gone(Error):
    status = 410
    title = "Gone"


class LengthRequired(Error):
    status = 411
    title = "Length Required"


class PreconditionFailed(Error):
    status = 412
    title = "Precondition Failed"


class TooLarge(Error):
    status = 413
    title = "Request Entity Too Large"


class UnsupportedMediaType(Error):
    status = 415
    title = "Unsupported Media Type"


class RangeNotSatisfiable(Error):
    status = 416
    title = "Requested Range Not Satisfiable"


class Unprocessable(Error):
    status = 422
    title = "Unprocessable Entity"


class NotImplementedHere(Error):
    status = 501
    title = "Not Implemented"


class Unavailable(Error):
    """Nothing is wrong with the request; the cloud cannot serve it now."""

    status = 503
    title = "Service Unavailable"

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})
