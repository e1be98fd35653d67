# SPDX-License-Identifier: Apache-2.0
"""`cumulet image build`: a small guest for trying things out."""

import os
import tempfile
from pathlib import Path

import click
from rich.progress import Progress


@click.group()
def image() -> None:
    """Images for guests."""


@image.command(epilog="\b\nExample:\n  cumulet image build --output cirros.qcow2")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default="cirros.qcow2", show_default=True
)
@click.option(
    "--cache", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where packages are kept."
)
def build(output: Path, cache: Path | None) -> None:
    """Make a small guest for trying things out.

    It is made of Debian's packages and is like CirrOS: user cirros, password gocubsgo.
    """
    _require_writable(output)
    made = _build(output, cache or cache_folder())
    click.echo(made)


def _require_writable(output: Path) -> None:
    """Refuse before the work what could not be written after it."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}.") from None


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cumulet"


def cached_or_built() -> Path:
    """The guest image of this machine, made at the first call."""
    path = cache_folder() / "guest.qcow2"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _build(path, cache_folder())
    return path


def _build(output: Path, cache: Path) -> str:
    from cumulet.guest_image import BuildError, build

    with Progress(transient=True) as progress:
        task = progress.add_task("guest image", total=1.0)

        def show(doing: str, part: float) -> None:
            progress.update(task, description=doing, completed=part)

        try:
            made = build(output, cache, show)
        except BuildError as error:
            raise click.ClickException(str(error)) from None
    return f"{made.path}: {made.size / 1e6:.1f} MB in {made.seconds:.1f} s"
