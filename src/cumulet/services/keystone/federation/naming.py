# SPDX-License-Identifier: Apache-2.0
"""Finds the domains and groups that a mapping names."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.services.keystone.errors import not_found, unauthorized
from cumulet.services.keystone.people import Group
from cumulet.services.keystone.projects.model import Project


def need_domain(tx: Tx, words: Mapping[str, str]) -> Project:
    """The domain with this id or name. Raises NotFound."""
    id, name = words.get("id"), words.get("name")
    found = tx.get(Project, id) if id else tx.first_by(Project, domain_id="", name=name or "")
    if found is None or not found.is_domain:
        raise not_found("domain", id or name or "")
    return found


def group_ids(tx: Tx, by_id: Sequence[str], by_name: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the groups, sorted; a name that no group of its domain has is passed over.

    Raises Unauthorized for an id that no group has, NotFound for a domain that does not exist.
    """
    found = set(tx.get_many(Group, by_id))
    if found != set(by_id):
        raise unauthorized()
    for named in by_name:
        domain = need_domain(tx, named["domain"])
        group = tx.first_by(Group, domain_id=domain.id, name=named["name"])
        if group is not None:
            found.add(group.id)
    return sorted(found)
