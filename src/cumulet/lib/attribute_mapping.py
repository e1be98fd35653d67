# SPDX-License-Identifier: Apache-2.0
"""From what an identity provider asserts of somebody to who that is here: the engine of attribute mappings.

A mapping is a list of rules. A rule applies when the assertion has every attribute that its `remote` side
asks for, with the values that it asks for; then its `local` side counts, in which `{0}`, `{1}`... stand for
the attributes that `remote` named without a condition, in their order. An assertion of nothing fits no rule.

Attributes have several values, written with `;` between them. Nothing of a mapping or an assertion is ever
run. Regular expressions are the administrator's, but the texts that they search may be a stranger's, so all
searches of one assertion share a budget of time.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import regex

from cumulet.lib.mapping_rules import DEFAULT_VERSION
from cumulet.lib.mapping_templates import MappingError, Values, filled

SEARCH_SECONDS = 0.25
EPHEMERAL, LOCAL = "ephemeral", "local"
NOBODY = (
    "Could not map any federated user properties to identity values. "
    "Check debug logs or the mapping used for additional details."
)


@dataclass(frozen=True)
class Mapped:
    """Who somebody is: what the mapping says of the user, their groups, and projects to be made for them."""

    user: dict[str, Any] = field(default_factory=dict)
    group_ids: list[str] = field(default_factory=list)
    group_names: list[dict[str, Any]] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def map_assertion(
    rules: Sequence[Mapping[str, Any]], assertion: Mapping[str, Any], version: str = DEFAULT_VERSION
) -> Mapped:
    """Who the assertion is by these rules, which are sound (mapping_rules).

    Raises MappingError with upstream's sentence for somebody whom no rule knows.
    """
    attributes = {name: value.split(";") for name, value in assertion.items() if isinstance(value, str)}
    search = _Search(time.thread_time() + SEARCH_SECONDS)
    found: list[dict[str, Any]] = []
    for rule in rules:
        values = _matched(rule["remote"], attributes, search)
        if values is not None:
            found += [filled(local, values, version) for local in rule["local"]]
    if not found:
        raise MappingError(NOBODY)
    return _combined(found, version)


# -- the remote side ------------------------------------------------------------------------------------


class _Search:
    """Regular expressions until this thread has worked for so long: a busy machine refuses nobody."""

    def __init__(self, ends: float) -> None:
        self.ends = ends

    def hits(self, expressions: Iterable[str], value: str) -> bool:
        """Whether any of them is found in the value. Raises MappingError when time is up."""
        return any(self._hit(expression, value) for expression in expressions)

    def _hit(self, expression: str, value: str) -> bool:
        left = self.ends - time.thread_time()
        try:
            if left > 0:
                return regex.search(expression, value, timeout=left, concurrent=True) is not None
        except TimeoutError:
            pass
        raise MappingError(f"The regular expression {expression!r} takes too long for what was asserted.")


def _matched(
    remote: Sequence[Mapping[str, Any]], attributes: Mapping[str, Values], search: _Search
) -> list[Values] | None:
    """The values that `{0}`, `{1}`... stand for; None if the rule does not apply."""
    found: list[Values] = []
    for asked in remote:
        values = attributes.get(asked["type"])
        if not values:
            return None
        if "any_one_of" in asked or "not_any_of" in asked:
            any_hit = bool(_hits(asked.get("any_one_of", asked.get("not_any_of")), values, asked, search))
            if any_hit != ("any_one_of" in asked):
                return None
        elif "blacklist" in asked:
            hits = set(_hits(asked["blacklist"], values, asked, search))
            found.append([value for value in dict.fromkeys(values) if value not in hits])
        elif "whitelist" in asked:
            found.append(_hits(asked["whitelist"], values, asked, search))
        else:
            found.append(values)
    return found


def _hits(wanted: Any, values: Values, asked: Mapping[str, Any], search: _Search) -> Values:
    """Those of the values that are wanted; each once, unless an expression has found them."""
    if asked.get("regex"):
        return [value for value in values if search.hits(wanted, value)]
    return [value for value in dict.fromkeys(values) if value in wanted]


# -- all that applies -----------------------------------------------------------------------------------


def _combined(found: Sequence[Mapping[str, Any]], version: str) -> Mapped:
    """One person of all that applies: the first user, every group, the last projects."""
    user = dict(next((one["user"] for one in found if one.get("user")), {}))
    if user.setdefault("type", EPHEMERAL) not in (EPHEMERAL, LOCAL):
        raise MappingError(f"User type {user['type']} not supported")
    default_domain = found[-1].get("domain")
    if version != "1.0" and not user.get("domain") and default_domain:
        user["domain"] = default_domain
    group_ids: dict[str, None] = {}
    group_names: list[dict[str, Any]] = []
    for one in found:
        group = one.get("group", {})
        group_ids |= dict.fromkeys([group["id"]] if "id" in group else ())
        group_ids |= dict.fromkeys(one.get("group_ids", ()))
        group_names += [group] if "name" in group else []
        group_names += _named_groups(one)
    lists = [_projects(one, version) for one in found if "projects" in one or "projects_json" in one]
    return Mapped(user, list(group_ids), _distinct(group_names), lists[-1] if lists else [])


def _named_groups(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The groups that are given by name; JSON:{...} says its own domain."""
    names, domain = one.get("groups", ()), one.get("domain")
    found = [_json_group(name) or {"name": name, "domain": domain} for name in names]
    homeless = "groups" in one and not names and domain is None
    if homeless or not all(map(_is_placed, found)):
        raise MappingError(
            f"Invalid rule: {dict(one)}. Both 'groups' and 'domain' keywords must be specified."
        )
    return [{"name": group["name"], "domain": group["domain"]} for group in found]


def _is_placed(group: Any) -> bool:
    """Whether this names a group and a domain that it is in."""
    if not isinstance(group, dict) or not isinstance(group.get("name"), str):
        return False
    domain = group.get("domain")
    return isinstance(domain, dict) and any(isinstance(domain.get(key), str) for key in ("id", "name"))


def _json_group(text: str) -> Any:
    """The group that a text after JSON: describes; None where it describes nothing."""
    try:
        return json.loads(text.removeprefix("JSON:")) if text.startswith("JSON:") else None
    except (json.JSONDecodeError, RecursionError):
        return None


def _distinct(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(group, sort_keys=True): group for group in groups}.values())


def _projects(one: Mapping[str, Any], version: str) -> list[dict[str, Any]]:
    projects = [*one.get("projects", ()), *one.get("projects_json", ())]
    domain = one.get("domain")
    if version == "1.0" or not domain:
        return projects
    return [project if project.get("domain") else {**project, "domain": domain} for project in projects]
