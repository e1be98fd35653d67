# SPDX-License-Identifier: Apache-2.0
"""Resources: declared once; tables, routes, schemas, lists, policy and documents follow from it."""

from cumulet.kernel.resource.acting import Action
from cumulet.kernel.resource.declaration import Exposed, Resource, expose
from cumulet.kernel.resource.fields import Field, computed, field, given, ident, loaded, owner
from cumulet.kernel.resource.reading import List, Show
from cumulet.kernel.resource.writing import Create, Delete, Update

__all__ = [
    "Action",
    "Create",
    "Delete",
    "Exposed",
    "Field",
    "List",
    "Resource",
    "Show",
    "Update",
    "computed",
    "expose",
    "field",
    "given",
    "ident",
    "loaded",
    "owner",
]
