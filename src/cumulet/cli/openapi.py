# SPDX-License-Identifier: Apache-2.0
"""`cumulet openapi`: the OpenAPI document of a service."""

import json

import click


@click.command(epilog="\b\nExample:\n  cumulet openapi nova > nova.json")
@click.argument("service")
@click.pass_context
def openapi(context: click.Context, service: str) -> None:
    """Print the OpenAPI 3.1 document of a service.

    No cloud needs to run.
    """
    try:
        document = context.obj.openapi(service)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(document, indent=2, default=str))
