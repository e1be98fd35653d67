# SPDX-License-Identifier: Apache-2.0
"""The documentation names everything there is, and every link in it leads somewhere."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cumulet.cli import commands
from cumulet.kernel.service import Service
from cumulet.main import SERVICES, services

HOUSE = Path(__file__).parents[2]
PAGES = [HOUSE / "README.md", *sorted((HOUSE / "docs").rglob("*.md"))]
OPERATIONS = HOUSE / "docs/operations.md"
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that help shows, and the agent, by its words."""

    def below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield words, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(f"{words} {name}", inner)

    return below("cumulet", commands(None))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_page(service: str) -> None:
    page = HOUSE / f"docs/services/{service}.md"
    assert page.exists() and page.read_text().startswith("# ")


@pytest.mark.parametrize("service", [service for service in services() if service.settings is not None])
def test_every_setting_of_a_service_is_described(service: Service) -> None:
    text = (HOUSE / f"docs/services/{service.name}.md").read_text()
    names = [setting.name for setting in dataclasses.fields(service.settings)]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(("words", "command"), list(all_commands()), ids=lambda value: str(value))
def test_every_command_and_option_is_described(words: str, command: click.Command) -> None:
    text = OPERATIONS.read_text()
    missing = [] if words in text else [words]
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden and option.name not in ("help", "version"):
            missing += [name for name in option.opts if name.startswith("--") and f"`{name}" not in text]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []
