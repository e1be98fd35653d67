# SPDX-License-Identifier: Apache-2.0
"""Projects, domains and their tags as rows.

A domain is a project that acts as one: it has no parent and no domain. "" stands for "no domain" in the
table, so that the names of domains are unique as well.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx, column, json_column
from cumulet.kernel.resource import field, ident, loaded
from cumulet.services.keystone.entity import ID, ID_OR_NULL, NAME_64, OPTIONS, TAGS, Entity, none_if_empty


class ProjectTag(Row, table="keystone_project_tags", indexes=(("name",),)):
    """A word that somebody has put on a project or a domain."""

    id: str = column(primary=True)
    project_id: str = column(index=True, references="keystone_projects.id", on_delete="CASCADE")
    name: str


def tags_of(tx: Tx, ctx: Context, rows: Sequence["Project"]) -> dict[str, list[str]]:
    """The tags of each project, sorted."""
    found: dict[str, list[str]] = {}
    for tag in tx.all_in(ProjectTag, "project_id", [row.id for row in rows], order=("name",)):
        found.setdefault(tag.project_id, []).append(tag.name)
    return found


def set_tags(tx: Tx, project_id: str, tags: Iterable[str]) -> None:
    """The project has exactly these tags."""
    tx.delete_where(ProjectTag, ProjectTag.c.project_id == project_id)
    tx.insert_many(
        [
            ProjectTag(id=f"{project_id}/{name}", project_id=project_id, name=name)
            for name in dict.fromkeys(tags)
        ]
    )


class Project(
    Entity,
    service="keystone",
    path="/projects",
    member="project",
    unique=(("domain_id", "name"),),
    indexes=(("parent_id",),),
):
    """What owns servers, volumes and networks; it stands in a tree whose root is its domain."""

    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, update=True, filter=True, sort=True, schema=NAME_64)
    domain_id: str = field(
        default="", create=True, update=True, filter=True, schema=ID_OR_NULL, view=none_if_empty("domain_id")
    )
    parent_id: str | None = field(default=None, create=True, update=True, filter=True, schema=ID_OR_NULL)
    description: str | None = field(default="", create=True, update=True, filter=True)
    enabled: bool = field(default=True, create=True, update=True, filter=True)
    is_domain: bool = field(default=False, create=True, update=True, filter=True)
    tags: list[str] = loaded(tags_of, default=[], create=True, update=True, schema=TAGS)
    options: dict[str, Any] = field(default_factory=dict, create=True, update=True, schema=OPTIONS)
    extra: dict[str, Any] = json_column(default_factory=dict)
    generation: int = column(default=0)
    """Tokens name the generation in which they were issued; a new one ends them all."""


class Domain(Project, service="keystone", path="/domains", member="domain", table="keystone_projects"):
    """A namespace of projects, users and groups; the same row as the project that acts as it."""

    name: str = field(create=True, update=True, filter=True, sort=True, schema=NAME_64)
    domain_id: str = field(default="", hidden=True)
    parent_id: str | None = field(default=None, hidden=True)
    description: str | None = field(default="", create=True, update=True, filter=True, max=255)
    is_domain: bool = field(default=True, hidden=True)
    explicit_domain_id: str | None = field(default=None, stored=False, hidden=True, create=True, schema=ID)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        return cls.c.is_domain.is_(True)


def as_project(domain: Domain) -> Project:
    """The row of a domain as the project that it is."""
    return Project(**{name: domain.__dict__[name] for name in Project.stored})


def domains(tx: Tx, ids: Iterable[str]) -> dict[str, Project]:
    """Domains by id, in one query."""
    return cast(dict[str, Project], tx.get_many(Project, ids))
