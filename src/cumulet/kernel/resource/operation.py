# SPDX-License-Identifier: Apache-2.0
"""What all operations have in common, and where they stand in an API."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel.http.endpoint import Endpoint, status_at

if TYPE_CHECKING:
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource


Status = int | Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What all operations have. `status` may differ by microversion: {"2.0": 200, "2.2": 201}."""

    policy: str = ""
    run: Callable[..., Any] | None = None
    since: str = ""
    until: str = ""
    status: Status = 200
    path: str = ""
    doc: str = ""

    def status_at(self, version: int) -> int:
        return status_at(self.status, version)

    def endpoint(self, cls: "type[Resource]", wire: "WireProfile") -> Endpoint:
        raise NotImplementedError

    def _endpoint(self, cls: "type[Resource]", method: str, path: str, run: Any, **more: Any) -> Endpoint:
        doc = self.doc or (inspect.getdoc(self.run) if self.run else "") or ""
        return Endpoint(
            method=method,
            path=self.path or path,
            run=run,
            policy=self.policy,
            since=self.since,
            until=self.until,
            doc=doc,
            status=self.status,
            tags=(cls.member or cls.plural,),
            **more,
        )


def item_path(cls: "type[Resource]") -> str:
    return f"{cls.path}/{{{id_param(cls)}}}"


def id_param(cls: "type[Resource]") -> str:
    return f"{(cls.member or cls.noun).replace('-', '_').replace(' ', '_')}_id"


def envelope(cls: "type[Resource]", body: dict[str, Any]) -> dict[str, Any]:
    return {cls.member: body} if cls.member else body
