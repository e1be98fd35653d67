# SPDX-License-Identifier: Apache-2.0
"""The operator's commands: start a cloud, look into it, end it. Users' commands stay `openstack`."""

from typing import Any

import click

from cumulet import __version__
from cumulet.cli import agent, cloud, explain, image, keystone, look, openapi, up

_EPILOG = """\b
Examples:
  cumulet up                       a cloud with real servers on this machine (root)
  cumulet up --simulate            the whole cloud without root, servers imagined
  eval "$(cumulet env)"            then: openstack server list
  cumulet trace REQUEST_ID         what became of a request
  cumulet explain REQUEST_ID       why it was refused
  cumulet down --purge             end it, and leave nothing behind
"""


def commands(launcher: Any) -> click.Group:
    """The command group; `launcher` puts control processes together."""

    @click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(__version__, prog_name="cumulet")
    @click.pass_context
    def cumulet(context: click.Context) -> None:
        """OpenStack, all of it, as one program."""
        context.obj = launcher

    for command in (
        up.up,
        cloud.down,
        cloud.env,
        look.status,
        look.trace,
        explain.explain,
        look.doctor,
        look.saga,
        image.image,
        keystone.keystone,
        openapi.openapi,
        agent.agent,
    ):
        cumulet.add_command(command)
    return cumulet
