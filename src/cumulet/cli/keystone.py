# SPDX-License-Identifier: Apache-2.0
"""`cumulet keystone`: what operators do to Keystone that no API is for."""

import json
from pathlib import Path
from typing import Any

import click

from cumulet.cli import state
from cumulet.cli.state import State
from cumulet.lib.attribute_mapping import map_assertion
from cumulet.lib.mapping_rules import DEFAULT_VERSION, problems
from cumulet.lib.mapping_templates import MappingError

_KINDS = ("fernet", "jws", "receipt", "credential")
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def keystone() -> None:
    """Keystone: rotating its keys, trying out attribute mappings."""


@keystone.command(epilog="\b\nExample:\n  cumulet keystone rotate --keys credential")
@state.option
@click.option("--keys", default="fernet", show_default=True, type=click.Choice(_KINDS), help="Which keys.")
@click.pass_context
def rotate(context: click.Context, state_dir: Path | None, keys: str) -> None:
    """Have new keys made and old ones end.

    A running cloud notices within a second.
    """
    from cumulet.services.keystone.tokens.keyring import Keyring

    place = State.at(state_dir)
    (manifest,) = (item for item in context.obj.services(("keystone",)) if item.name == "keystone")
    settings = manifest.with_settings(place.settings().get("keystone", {})).settings
    try:
        Keyring(place.control, settings).rotate(keys)
    except FileNotFoundError:
        raise click.ClickException(
            f"There are no {keys} keys in {place.control}: a cloud makes them when it first uses them."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None
    click.echo(f"The {keys} keys were rotated.")


@keystone.group()
def mapping() -> None:
    """Attribute mappings of federated users."""


@mapping.command(
    "test",
    epilog="\b\nExample:\n  cumulet keystone mapping test --rules rules.json --input assertion.txt",
)
@click.option("--rules", type=_FILE, required=True, help="JSON: a mapping, or the list of its rules.")
@click.option("--input", "assertion", type=_FILE, required=True, help="Lines of `name: value`.")
@click.option("--prefix", default="", help="Take only names that begin so.")
def try_mapping(rules: Path, assertion: Path, prefix: str) -> None:
    """Say who somebody would be by a mapping.

    No cloud needs to run. Several values of an attribute are written with `;` between them.
    """
    body = _mapping(rules)
    version = body.get("schema_version") or DEFAULT_VERSION
    if wrong := problems(body, version):
        raise click.ClickException("\n".join(wrong))
    try:
        found = map_assertion(body["rules"], _assertion(assertion, prefix), version)
    except MappingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found.as_json(), indent=2))


def _mapping(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text())
    except ValueError as error:
        raise click.ClickException(f"Error while parsing rules {path}: {error}") from None
    if isinstance(body, dict) and isinstance(body.get("mapping"), dict):
        body = body["mapping"]
    return body if isinstance(body, dict) else {"rules": body}


def _assertion(path: Path, prefix: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise click.ClickException(
                f"assertion file {path} at line {number} expected 'key: value' but found '{line.strip()}' "
                "see help for file format"
            )
        if name.startswith(prefix):
            found[name] = value
    return found
