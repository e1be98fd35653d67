# SPDX-License-Identifier: Apache-2.0
"""The operations on attribute mappings."""

from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Invalid
from cumulet.kernel.resource import Delete, Resource, Show, expose
from cumulet.lib.mapping_rules import DEFAULT_VERSION, problems
from cumulet.services.keystone.entity import List, Update
from cumulet.services.keystone.federation.model import Mapping
from cumulet.services.keystone.federation.operations import Put
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.wire import WIRE


@dataclass(frozen=True, kw_only=True)
class PutMapping(Put):
    """A create whose body is checked by the schema version that it names."""

    def parse(self, cls: type[Resource], ctx: Context, body: Any) -> dict[str, Any]:
        return checked(super().parse(cls, ctx, body))


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """What a body gives, with its schema version. Raises Invalid for rules that cannot be used."""
    version = given.get("schema_version") or DEFAULT_VERSION
    given = {**given, "schema_version": version}
    if wrong := problems(given, version):
        raise Invalid("\n".join(wrong) + "\n")
    return given


def create_mapping(tx: Tx, ctx: Context, given: dict[str, Any]) -> Mapping:
    with unique("mapping", f"Duplicate entry found with ID {given['id']}"):
        return tx.insert(Mapping(**given))


def update_mapping(tx: Tx, ctx: Context, row: Mapping, given: dict[str, Any]) -> Mapping:
    """The mapping with other rules; whoever logs in from now on is mapped by them."""
    return tx.update(row, **checked(given))


MAPPINGS = expose(
    Mapping,
    List(policy="identity:list_mappings"),
    Show(policy="identity:get_mapping"),
    PutMapping(policy="identity:create_mapping", run=create_mapping, wire=WIRE),
    Update(policy="identity:update_mapping", run=update_mapping),
    Delete(policy="identity:delete_mapping"),
)
