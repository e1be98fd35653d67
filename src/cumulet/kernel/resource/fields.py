# SPDX-License-Identifier: Apache-2.0
"""What can be said of one field of a resource.

name: str = field(create=True, update=True, filter=True, sort=True, max=255)
links: list = computed(lambda ctx, row: [...])            # from the row alone, not stored
attachments: list = loaded(attachments_of)                 # from other rows, one query a page
imageRef: str = given(schema=IMAGE_REF)                    # only ever in a request
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

from cumulet.kernel import ids
from cumulet.kernel.db.rows import REQUIRED, Column
from cumulet.kernel.versions import ALWAYS, EVER, microversion


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field(Column):
    """A column and its face in the API.

    `since` and `until` bound the microversions that know the field (both inclusive); `create_since` and
    `update_since` move the lower bound for setting it. `rule` is the policy that lets a caller see it,
    `set_rule` the one that lets a caller set it, with {verb} for create or update. `brief` fields stand in
    lists that are not detailed. `schema` replaces the JSON schema that is derived from the type and the
    bounds, and `shape` (kernel/resource/shapes.py) that of answers. `convert` takes the place of the schema's
    check: from what was sent to what is kept; its ValueError's sentence is for the user. A `spread` field is
    a loaded mapping whose keys are shown beside the other fields and never hide one of them. `unanswered`
    names verbs, of create and update, whose answers leave the field out.
    """

    create: bool = False
    update: bool = False
    filter: bool = False
    sort: bool = False
    brief: bool = False
    hidden: bool = False
    wire: str = ""
    rule: str = ""
    set_rule: str = ""
    since: str = ""
    until: str = ""
    create_since: str = ""
    update_since: str = ""
    min: int | None = None
    max: int | None = None
    pattern: str = ""
    one_of: tuple[Any, ...] = ()
    format: str = ""
    schema: Mapping[str, Any] | None = None
    shape: Any = None
    convert: Callable[[Any], Any] | None = None
    view: Callable[..., Any] | None = None
    load: Callable[..., Any] | None = None
    spread: bool = False
    unanswered: tuple[str, ...] = ()

    @property
    def on_wire(self) -> str:
        return self.wire or self.name

    @property
    def required(self) -> bool:
        """Whether a create must give it."""
        return self.create and self.default is REQUIRED and self.default_factory is None

    def shown_in(self, version: int) -> bool:
        return not self.hidden and self.known_in(version)

    def known_in(self, version: int) -> bool:
        first = microversion(self.since) if self.since else ALWAYS
        last = microversion(self.until) if self.until else EVER
        return first <= version <= last

    def settable(self, verb: str, version: int) -> bool:
        """Whether a request of this microversion may set it; verb is create or update."""
        if not (self.create if verb == "create" else self.update):
            return False
        moved = self.create_since if verb == "create" else self.update_since
        return version >= microversion(moved) if moved else self.known_in(version)


def field(*, default: Any = REQUIRED, default_factory: Callable[[], Any] | None = None, **rules: Any) -> Any:
    """A stored field; the rules are the fields of `Field`."""
    return Field(default=default, default_factory=default_factory, **rules)


def ident(*, default_factory: Callable[[], Any] = ids.dashed, **rules: Any) -> Any:
    """The id of a resource, a dashed UUID unless `default_factory` makes another."""
    return Field(
        default_factory=default_factory,
        primary=True,
        **({"brief": True, "filter": True, "sort": True} | rules),
    )


def owner(*, default: Any = REQUIRED, **rules: Any) -> Any:
    """The project or user that a row belongs to; the context fills it when a request does not say."""
    return Field(default=default, index=True, **rules)


def computed(
    view: Callable[..., Any], *, default: Any = None, init: Literal[False] = False, **rules: Any
) -> Any:
    """A field made from the row alone by `view(ctx, row)`; it is not stored."""
    return Field(default=default, view=view, stored=False, **rules)


def loaded(
    load: Callable[..., Any], *, default: Any = None, init: Literal[False] = False, **rules: Any
) -> Any:
    """A field from other rows: `load(tx, ctx, rows)` gives a mapping from row id to value, `default` else."""
    return Field(default=default, load=load, stored=False, **rules)


def given(*, default: Any = REQUIRED, init: Literal[False] = False, **rules: Any) -> Any:
    """A field that a request may set and no answer shows; the operation's function makes something of it."""
    return Field(default=default, stored=False, hidden=True, **({"create": True} | rules))
