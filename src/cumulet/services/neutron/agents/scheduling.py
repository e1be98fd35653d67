# SPDX-License-Identifier: Apache-2.0
"""Administrators choose where a router runs, and where a network is served though no guest is there."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.neutron.agents.api import agent_of
from cumulet.services.neutron.agents.model import DHCP_AGENT, L3_AGENT, Agent
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.dhcp import dhcp_port
from cumulet.services.neutron.routers.legs import move
from cumulet.services.neutron.routers.model import Router

_NOTHING = {"type": "null"}
"""Clients read JSON from the answer, though it says nothing."""


@route(
    "POST",
    "/agents/{agent_id}/dhcp-networks",
    policy="create_dhcp-network",
    schema=body_of(network_id={"type": "string"}),
    status=201,
    answer=_NOTHING,
)
def host_network(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The agent's host serves a network."""
    agent = agent_of(tx, ctx, request, "create_dhcp-network", DHCP_AGENT)
    network = Network.seen(tx, ctx, _named(request, "network_id"))
    if agent.host in publish.hosts_of_network(tx, network.id):
        raise Conflict(
            f"The network {network.id} has been already hosted by the DHCP Agent {agent.id}.",
            kind="NetworkHostedByDHCPAgent",
        )
    _serve(tx, ctx, network, agent.host)
    return Reply(201, b"null")


@route("DELETE", "/agents/{agent_id}/dhcp-networks/{network_id}", policy="delete_dhcp-network", status=204)
def leave_network(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The agent's host serves a network no longer, unless a port of the network is there."""
    agent = agent_of(tx, ctx, request, "delete_dhcp-network", DHCP_AGENT)
    network = Network.seen(tx, ctx, request.params["network_id"])
    if agent.host not in publish.hosts_of_network(tx, network.id):
        raise Conflict(
            f"The network {network.id} is not hosted by the DHCP Agent {agent.id}.",
            kind="NetworkNotHostedByDhcpAgent",
        )
    _serve(tx, ctx, network, "")
    if agent.host in publish.hosts_of_network(tx, network.id):
        raise Conflict(
            f"Network {network.id} has ports on host {agent.host}, which are served there; move them first.",
            kind="NetworkInUse",
        )
    return Reply(204)


def _serve(tx: Tx, ctx: Context, network: Network, host: str) -> None:
    port = dhcp_port(tx, network.id)
    if port is not None:
        tx.update(port, **schedule.binding(tx, host))
    publish.network(tx, ctx, network.id)


@route(
    "POST",
    "/agents/{agent_id}/l3-routers",
    policy="create_l3-router",
    schema=body_of(router_id={"type": "string"}),
    status=201,
    answer=_NOTHING,
)
def host_router(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The agent's host runs a router that ran nowhere else."""
    agent = agent_of(tx, ctx, request, "create_l3-router", L3_AGENT)
    router = _router(tx, ctx, _named(request, "router_id"))
    if router.host and router.host != agent.host:
        there = tx.first(Agent, Agent.c.agent_type == L3_AGENT, Agent.c.host == router.host)
        raise Conflict(
            f"The router {router.id} has been already hosted by the L3 Agent {there and there.id}.",
            kind="RouterHostedByL3Agent",
        )
    if not router.host:
        move(tx, ctx, router, agent.host)
    return Reply(201, b"null")


@route("DELETE", "/agents/{agent_id}/l3-routers/{router_id}", policy="delete_l3-router", status=204)
def leave_router(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The agent's host runs a router no longer, and nobody does until it is scheduled again."""
    agent = agent_of(tx, ctx, request, "delete_l3-router", L3_AGENT)
    router = _router(tx, ctx, request.params["router_id"])
    if router.host != agent.host:
        raise Conflict(
            f"The router {router.id} is not hosted by the L3 Agent {agent.id}.",
            kind="RouterNotHostedByL3Agent",
        )
    move(tx, ctx, router, "")
    return Reply(204)


def _router(tx: Tx, ctx: Context, router_id: str) -> Router:
    router = tx.get(Router, router_id)
    if router is None:
        raise Router.not_found(ctx, router_id)
    return router


def _named(request: Request, name: str) -> str:
    body: Any = request.body
    if not isinstance(body, dict) or not isinstance(body.get(name), str):
        raise BadRequest(f"Failed to parse request. Required attribute '{name}' not specified")
    return str(body[name])


ROUTES = (host_network, leave_network, host_router, leave_router)
