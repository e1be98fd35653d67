# SPDX-License-Identifier: Apache-2.0
"""Walks through the tree of projects, one query a level."""

from cumulet.kernel.db import Tx
from cumulet.services.keystone.projects.model import Project


def ancestors(tx: Tx, project: Project) -> list[Project]:
    """What stands above a project, the nearest first and its domain last."""
    found: list[Project] = []
    parent_id = project.parent_id
    while parent_id is not None:
        parent = tx.get(Project, parent_id)
        if parent is None:
            break
        found.append(parent)
        parent_id = parent.parent_id
    return found


def subtree(tx: Tx, project_id: str) -> list[Project]:
    """What stands below a project or domain, level by level."""
    found: list[Project] = []
    level = [project_id]
    while level:
        below: list[Project] = []
        for start in range(0, len(level), 500):
            below += tx.all(
                Project, Project.c.parent_id.in_(level[start : start + 500]), order_by=[Project.c.id]
            )
        found += below
        level = [row.id for row in below]
    return found


def is_leaf(tx: Tx, project_id: str) -> bool:
    return not tx.exists(Project, Project.c.parent_id == project_id)
