# SPDX-License-Identifier: Apache-2.0
"""Writes and checks revisions: the history of each branch is run on an empty SQLite database and compared."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code

from cumulet import main
from cumulet.kernel.db import history
from cumulet.kernel.db.branches import Branch, branches
from cumulet.kernel.db.rows import Json, sql_type
from cumulet.kernel.service import Running

_FILE = '''# SPDX-License-Identifier: Apache-2.0
"""{message}."""

import sqlalchemy as sa
from alembic import op
{text}

def upgrade() -> None:
    {code}
'''
_TEXT = """
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""
_NEEDLESS = re.compile(
    r"(?<=TEXT, )autoincrement=False, |(?<=(?:ext|ean)\(\), )autoincrement=False, |,?\s*info=\{[^}]*\}"
)
"""No database numbers what is no number; and which module declares a table is no affair of a revision."""
_PACKAGE = '''# SPDX-License-Identifier: Apache-2.0
"""How the tables came to be, revision by revision."""
'''


@click.command()
@click.option("--initial", is_flag=True, help="Write all first revisions anew.")
@click.option("--check", is_flag=True, help="Only say whether history and declarations agree.")
@click.argument("name", required=False)
@click.argument("message", required=False)
def migration(initial: bool, check: bool, name: str | None, message: str | None) -> None:
    """Write the next revision of a branch."""
    _declare_everything()
    if check:
        sys.exit(_check())
    if initial:
        for branch in branches():
            _begin_again(branch)
    elif name and message:
        known = {branch.name: branch for branch in branches()}
        if name not in known:
            raise click.ClickException(f"There is no branch {name}; there are {', '.join(known)}.")
        _write(known[name], message)
    else:
        raise click.UsageError("Say which branch and what changes, or --initial.")


def _declare_everything() -> None:
    """Import whatever holds tables, as a control process does."""
    for manifest in main.services():
        _ = Running(manifest).api
        manifest.sagas(), manifest.reports(), manifest.provides(), manifest.reconcilers()


def _check() -> int:
    found = []
    for branch in branches():
        with _empty() as connection:
            history.run(connection, branch)
            found += history.differences(connection, branch)
    for line in found:
        print(line)
    if found:
        print(
            "Revisions do not lead to what is declared: scripts/migration BRANCH MESSAGE writes the next one,"
        )
        print("and scripts/migration --initial writes the first ones anew, as long as none was released.")
    return bool(found)


def _begin_again(branch: Branch) -> None:
    if branch.newest > 1:
        raise click.ClickException(f"{branch.name} has a second revision: its first one was released.")
    for file in branch.folder.glob("r*.py"):
        file.unlink()
    _write(branch, "The first tables")


def _write(branch: Branch, message: str) -> None:
    """A file that leads from the branch's history to its declarations; none when nothing differs."""
    code = _changes(branch)
    if not code:
        print(f"{branch.name}: nothing has changed")
        return
    slug = re.sub(r"\W+", "_", message.lower()).strip("_")
    path = branch.folder / f"r{branch.newest + 1:04}_{slug}.py"
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").write_text(_PACKAGE)
    text = _TEXT if "TEXT," in code else ""
    path.write_text(_FILE.format(message=message.rstrip("."), text=text, code=code))
    subprocess.run(["ruff", "format", "--quiet", str(path)], check=True)
    subprocess.run(["ruff", "check", "--quiet", "--fix", str(path)], check=True)
    print(path)


def _changes(branch: Branch) -> str:
    """Alembic's operations from the branch's history to its declarations; empty when nothing differs."""
    with _empty() as connection:
        history.run(connection, branch)
        context = history.context(connection, branch)
        operations = produce_migrations(context, context.opts["target_metadata"]).upgrade_ops
        if operations is None or operations.is_empty():
            return ""
        code = render_python_code(
            operations,
            migration_context=context,
            render_as_batch=branch.newest > 0,
            render_item=_render,
        )
    lines = [line for line in code.splitlines() if not line.lstrip().startswith("#")]
    return _NEEDLESS.sub("", "\n".join(lines).strip())


def _render(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Revisions hold no types of ours, which may change: JSON is text, our text sorts by bytes."""
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    if kind == "type" and item is sql_type(str):
        return "TEXT"
    return False


@contextmanager
def _empty() -> Iterator[sa.Connection]:
    with sa.create_engine("sqlite://").connect() as connection:
        yield connection


if __name__ == "__main__":
    migration(prog_name="scripts/migration")
