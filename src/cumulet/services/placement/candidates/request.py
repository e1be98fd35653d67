# SPDX-License-Identifier: Apache-2.0
"""What a query for allocation candidates asks for: groups of wishes by suffix, and what holds for all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query, Request
from cumulet.services.placement import errors, filters
from cumulet.services.placement.asking import Schema
from cumulet.services.placement.filters import Wishes
from cumulet.services.placement.schemas import STRING, Json, obj

GROUPED = ("resources", "required", "member_of", "in_tree")
"""The words that may have a suffix."""
_NUMBERED, _NAMED = "[1-9][0-9]*", "[a-zA-Z0-9_-]{1,64}"
_KEY_NUMBERED = re.compile(f"({'|'.join(GROUPED)})({_NUMBERED})?")
_KEY_NAMED = re.compile(f"({'|'.join(GROUPED)})({_NAMED})?")


def _grouped(suffix: str, words: Iterable[str], properties: Json) -> Json:
    """Properties, and words that may have a suffix of this form."""
    return obj(properties, patternProperties={f"^{word}({suffix})?$": STRING for word in words})


_LIMIT: Json = {
    "limit": {"type": ["integer", "string"], "pattern": "^[1-9][0-9]*$", "minimum": 1, "minLength": 1}
}
_POLICY: Json = {"group_policy": {"type": "string", "enum": ["none", "isolate"]}}
_WIDE = {**_LIMIT, **_POLICY}
QUERY = Schema(
    {
        "1.10": obj({"resources": STRING}, "resources"),
        "1.16": obj({"resources": STRING, **_LIMIT}, "resources"),
        "1.17": obj({"resources": STRING, "required": STRING, **_LIMIT}, "resources"),
        "1.21": obj({"resources": STRING, "required": STRING, "member_of": STRING, **_LIMIT}, "resources"),
        "1.25": _grouped(_NUMBERED, GROUPED[:3], _WIDE),
        "1.31": _grouped(_NUMBERED, GROUPED, _WIDE),
        "1.33": _grouped(_NAMED, GROUPED, _WIDE),
        "1.35": _grouped(_NAMED, GROUPED, _WIDE | {"root_required": STRING}),
        "1.36": _grouped(_NAMED, GROUPED, _WIDE | {"root_required": STRING, "same_subtree": STRING}),
    }
)  # fmt: skip


@dataclass
class Asked:
    """A whole request.

    The group without a suffix may be served by several providers of a tree, and by those that share; each
    other one by a single provider. With `isolate` no two of those may have the same. Each of `same_subtrees`
    names groups whose providers have to stand below one of them. `nested` is false below 1.29, where nobody
    knows of trees.
    """

    groups: dict[str, Wishes]
    isolate: bool = False
    limit: int | None = None
    root_required: set[str] = field(default_factory=set)
    root_forbidden: set[str] = field(default_factory=set)
    same_subtrees: list[set[str]] = field(default_factory=list)
    nested: bool = True

    @property
    def classes(self) -> set[str]:
        return {name for wishes in self.groups.values() for name in wishes.resources}

    def takes_root(self, traits: set[str]) -> bool:
        """Whether a provider with these traits may be the root of what is served."""
        return self.root_required <= traits and self.root_forbidden.isdisjoint(traits)


def read(ctx: Context, request: Request) -> Asked:
    """What the query asks for. Raises BadRequest with upstream's sentences."""
    wide = QUERY.query(ctx, request)
    query = request.query
    asked = Asked({}, nested=ctx.at("1.29"))
    if "limit" in wide:
        asked.limit = int(query.all("limit")[0])
    policy = query.all("group_policy")
    asked.isolate = policy[:1] == ["isolate"]
    _read_root(asked, query)
    asked.same_subtrees = [_suffixes(value) for value in query.all("same_subtree")]
    asked.groups = _groups(ctx, query)
    _check_groups(ctx, asked)
    if not policy and sum(bool(suffix) for suffix in asked.groups) > 1:
        raise BadRequest(
            'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.'
        )
    return asked


def _read_root(asked: Asked, query: Query) -> None:
    values = query.all("root_required")
    if not values:
        return
    if len(values) > 1:
        raise BadRequest(
            "Query parameter 'root_required' may be specified only once.", kind=errors.DUPLICATE_KEY
        )
    required, asked.root_forbidden = filters.traits(values[0], forbidding=True, choosing=False)
    asked.root_required = set().union(*required)
    if conflicts := asked.root_required & asked.root_forbidden:
        names = ", ".join(sorted(conflicts))
        raise BadRequest(
            f"Conflicting required and forbidden traits found in root_required: {names}",
            kind=errors.BAD_VALUE,
        )


def _suffixes(text: str) -> set[str]:
    found = {suffix.strip() for suffix in text.split(",")}
    if "" in found:
        raise BadRequest(
            "Empty string (unsuffixed group) can not be specified in `same_subtree` ", kind=errors.BAD_VALUE
        )
    return found


def _groups(ctx: Context, query: Query) -> dict[str, Wishes]:
    """The groups in the order in which their suffixes came."""
    form = _KEY_NAMED if ctx.at("1.33") else _KEY_NUMBERED
    groups: dict[str, Wishes] = {}
    for key, value in query.pairs:
        match = form.fullmatch(key)
        if match is None:
            continue
        word, suffix = match[1], match[2] or ""
        wishes = groups.setdefault(suffix, Wishes())
        if word == "resources":
            wishes.resources = filters.resources(value)
        elif word == "required":
            wishes.required, wishes.forbidden = filters.required(ctx, query, suffix)
        elif word == "member_of":
            wishes.member_of, wishes.forbidden_aggregates = filters.member_of(ctx, query, suffix)
        else:
            wishes.in_tree = filters.in_tree(value)
    return groups


def _check_groups(ctx: Context, asked: Asked) -> None:
    if ctx.at("1.36"):
        _check_subtrees(asked)
    else:
        _check_orphans(asked.groups)
    if not ctx.at("1.22"):
        return
    conflicts = [
        f"required{suffix}: ({', '.join(sorted(choice))})"
        for suffix, wishes in asked.groups.items()
        for choice in wishes.required
        if choice <= wishes.forbidden
    ]
    if conflicts:
        found = ", ".join(sorted(conflicts))
        raise BadRequest(
            f"Conflicting required and forbidden traits found in the following traits keys: {found}"
        )


def _check_subtrees(asked: Asked) -> None:
    empty = [suffix for suffix, wishes in asked.groups.items() if not wishes.resources]
    named = set().union(*asked.same_subtrees)
    if len(empty) == len(asked.groups):
        raise BadRequest(
            "There must be at least one resources or resources[$S] parameter.", kind=errors.MISSING_VALUE
        )
    if bad := [suffix for suffix in empty if suffix not in named]:
        raise BadRequest(
            "Resourceless suffixed group request should be specified in `same_subtree` query param: "
            f"bad group(s) - {bad}.",
            kind=errors.BAD_VALUE,
        )
    if bad := [suffix for suffix in sorted(named) if suffix not in asked.groups]:
        raise BadRequest(
            f"Real suffixes should be specified in `same_subtree`: {bad} not found in {list(asked.groups)}.",
            kind=errors.BAD_VALUE,
        )


def _check_orphans(groups: dict[str, Wishes]) -> None:
    """Raise BadRequest unless every group takes something."""
    empty = {suffix: wishes for suffix, wishes in groups.items() if not wishes.resources}
    if orphans := [f"required{suffix}" for suffix, wishes in empty.items() if wishes.required]:
        raise BadRequest(
            "All traits parameters must be associated with resources.  "
            f"Found the following orphaned traits keys: {', '.join(orphans)}"
        )
    lonely = [f"member_of{s}" for s, w in empty.items() if w.member_of or w.forbidden_aggregates]
    if lonely:
        raise BadRequest(
            "All member_of parameters must be associated with resources. "
            f"Found the following orphaned member_of keys: {', '.join(lonely)}"
        )
    if empty:
        raise BadRequest("All request groups must specify resources.")
    if not groups:
        raise BadRequest("At least one request group (`resources` or `resources{$S}`) is required.")
