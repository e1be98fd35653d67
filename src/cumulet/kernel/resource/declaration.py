# SPDX-License-Identifier: Apache-2.0
"""The declaration itself: a class is a typed row, a table, and the face of a resource in an API.

class Volume(Resource, service="cinder", path="/volumes", member="volume"):
    \"\"\"A block device of a fixed size that can grow but never shrink.\"\"\"

    id: str = ident()
    name: str | None = field(default=None, create=True, update=True, filter=True, max=255)
    size: int = field(create=True, min=1)

VOLUMES = expose(Volume, List(policy="volume:get_all"), Show(policy="volume:get"), ...)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.resource.fields import Field, computed, field, given, ident, loaded, owner

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.resource.operation import Operation


@dataclass_transform(
    eq_default=False,
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(column, json_column, field, ident, owner, computed, loaded, given),
)
class Resource(Row):
    """A row with a face. Class keywords say what the declaration as a whole is:

    `path` its collection, below the service's version; `member` and `plural` the envelopes (`plural=""` for
    none); `key` the field by which one is found in the path; `envelop_items` wraps each item of a list in
    its member name; `parent` the resource whose id stands in the path before it, as `{server_id}`.
    """

    service: ClassVar[str]
    path: ClassVar[str]
    member: ClassVar[str]
    plural: ClassVar[str]
    key: ClassVar[str]
    envelop_items: ClassVar[bool]
    fields: ClassVar[dict[str, Field]]
    owner_field: ClassVar[str]
    plainly_visible: ClassVar[bool]
    denies_missing: ClassVar[bool] = False
    """Whether policy is asked first even about what the caller may not know of: 403, not 404."""
    """Whether `visible` is the ordinary one: the own project's rows."""
    told_by_row: ClassVar[bool]
    """Whether `known_to` can say of a row in hand what `visible` says in SQL."""
    missing: ClassVar[str] = ""
    """The 404 text with {id}; the service's wire profile gives one when it is empty."""
    missing_kind: ClassVar[str] = ""

    def __init_subclass__(  # noqa: PLR0913
        cls,
        *,
        service: str = "",
        path: str = "",
        member: str = "",
        plural: str | None = None,
        key: str = "",
        envelop_items: bool = False,
        table: str = "",
        noun: str = "",
        **kwargs: Any,
    ) -> None:
        name = plural if plural is not None else f"{member}s"
        super().__init_subclass__(
            table=table or (f"{service}_{(name or member).replace('-', '_')}" if service else ""),
            noun=noun or re.sub("[-_]", " ", member),
            **kwargs,
        )
        if not service:
            return
        cls.service, cls.path, cls.member, cls.plural = service, path, member, name
        cls.key = key or cls.primary
        cls.envelop_items = envelop_items
        cls.fields = {n: spec for n, spec in cls.columns.items() if isinstance(spec, Field)}
        cls.plainly_visible = cls.visible.__func__ is Resource.visible.__func__  # type: ignore[attr-defined]
        own_answer = cls.known_to.__func__ is not Resource.known_to.__func__  # type: ignore[attr-defined]
        cls.told_by_row = cls.plainly_visible or own_answer
        cls.owner_field = "project_id" if "project_id" in cls.columns else ""
        cls.missing_kind = cls.missing_kind or f"{cls.__name__}NotFound"

    @classmethod
    def visible(cls, ctx: "Context") -> Any:
        """The SQL condition for rows that the caller may know of: those of their project; None is all."""
        if not cls.owner_field or ctx.is_admin:
            return None
        return cls.c[cls.owner_field] == ctx.project_id

    @classmethod
    def known_to(cls, tx: Tx, ctx: "Context", row: Any) -> bool:
        """`visible` for a row in hand; whoever overrides that may override this too, to spare the query."""
        return ctx.is_admin or not cls.owner_field or bool(row.__dict__[cls.owner_field] == ctx.project_id)

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        """The row as policy rules see it."""
        project = row.__dict__.get("project_id")
        return {**row.__dict__, "tenant_id": project} if project is not None else row.__dict__

    @classmethod
    def target_for(cls, tx: Tx, ctx: "Context", row: Any) -> Mapping[str, Any]:
        """`target`, where what rules see of a row depends on who asks: a membership of the caller's."""
        return cls.target(tx, row)

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: "Context", given: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is about to be made, as policy rules see it."""
        target = {**ctx.own, **given}
        target["tenant_id"] = target["project_id"]
        return target

    @classmethod
    def prepare(cls, verb: str, body: Any, version: int) -> Any:
        """A create or update body as the schema should see it, where clients may write it in older ways."""
        return body

    @classmethod
    def not_found(cls, ctx: "Context", id: str) -> NotFound:
        text = cls.missing or ctx.service.api.wire.missing
        return NotFound(
            text.format(id=id, noun=cls.noun, Noun=cls.noun[:1].upper() + cls.noun[1:]), kind=cls.missing_kind
        )


@dataclass(frozen=True)
class Exposed:
    """A resource and the operations that an API offers on it."""

    resource: type[Resource]
    operations: Sequence["Operation"]


def expose(resource: type[Resource], *operations: "Operation") -> Exposed:
    return Exposed(resource, operations)
