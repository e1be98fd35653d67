# SPDX-License-Identifier: Apache-2.0
"""The operations on agents, and who hosts what."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request, strict_flag
from cumulet.kernel.resource import Delete, List, Show, Update, expose
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import array, bare, keys
from cumulet.kernel.resource.views import render
from cumulet.services.neutron.agents.model import DHCP_AGENT, L3_AGENT, Agent
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Port
from cumulet.services.neutron.routers.model import Router


def delete_agent(tx: Tx, ctx: Context, agent: Agent) -> None:
    """Forget the agent of a host that is gone for good."""
    host = tx.get(HostRow, agent.host)
    if host is not None and host.state == "up":
        raise Conflict(
            f"Agent {agent.id} is alive on host {agent.host}; stop the host first.", kind="AgentInUse"
        )
    tx.delete(agent)


def by_alive(ctx: Context, sent: list[str]) -> Any:
    up = Agent.c.host.in_(sa.select(HostRow.c.id).where(HostRow.c.state == "up"))
    return up if strict_flag(sent[-1], "alive") else sa.not_(up)


AGENTS = expose(
    Agent,
    List(policy="get_agent", filters={"alive": by_alive}),
    Show(policy="get_agent"),
    Update(policy="update_agent"),
    Delete(policy="delete_agent", run=delete_agent),
)


@route("GET", "/networks/{network_id}/dhcp-agents", policy="get_dhcp-agents", answer=keys(agents=list[Agent]))
def dhcp_agents_of_network(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The agents that answer DHCP on a network: those of every host that has it."""
    ctx.require("get_dhcp-agents")
    network: Network = fetch_by_key(tx, ctx, Network, request.params["network_id"], "get_network")
    hosts = publish.hosts_of_network(tx, network.id)
    rows = tx.all(Agent, Agent.c.agent_type == DHCP_AGENT, Agent.c.host.in_(hosts), order_by=(Agent.c.host,))
    return {"agents": render(tx, ctx, Agent, rows)}


@route(
    "GET",
    "/agents/{agent_id}/dhcp-networks",
    policy="get_dhcp-networks",
    answer=keys(networks=list[Network]),
)
def networks_of_dhcp_agent(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The networks on which the agent's host answers DHCP."""
    agent = agent_of(tx, ctx, request, "get_dhcp-networks", DHCP_AGENT)
    there = sa.select(Port.c.network_id).where(Port.c.host == agent.host, Port.c.vif_type == publish.PLUGGED)
    rows = tx.all(Network, Network.c.id.in_(there), order_by=(Network.c.id,))
    return {"networks": render(tx, ctx, Network, rows)}


@route(
    "GET",
    "/routers/{router_id}/l3-agents",
    policy="get_l3-agents",
    answer=keys(agents=array(bare(Agent, ha_state=None))),
)
def l3_agents_of_router(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The agent of the host that runs a router."""
    ctx.require("get_l3-agents")
    router: Router = fetch_by_key(tx, ctx, Router, request.params["router_id"], "get_router")
    rows = tx.all(Agent, Agent.c.agent_type == L3_AGENT, Agent.c.host == router.host)
    return {"agents": [{**body, "ha_state": None} for body in render(tx, ctx, Agent, rows)]}


@route("GET", "/agents/{agent_id}/l3-routers", policy="get_l3-routers", answer=keys(routers=list[Router]))
def routers_of_l3_agent(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The routers that the agent's host runs."""
    agent = agent_of(tx, ctx, request, "get_l3-routers", L3_AGENT)
    rows = tx.all(Router, Router.c.host == agent.host, order_by=(Router.c.id,))
    return {"routers": render(tx, ctx, Router, rows)}


def agent_of(tx: Tx, ctx: Context, request: Request, policy: str, kind: str) -> Agent:
    """The agent that the path names, which must be of this kind. Raises NotFound, NotPermitted."""
    ctx.require(policy)
    agent: Agent = fetch_by_key(tx, ctx, Agent, request.params["agent_id"], "get_agent")
    if agent.agent_type != kind:
        name, text = _WRONG[kind]
        raise NotFound(text.format(id=agent.id), kind=name)
    return agent


_WRONG = {
    DHCP_AGENT: ("InvalidDHCPAgent", "Agent {id} is not a valid DHCP Agent or has been disabled."),
    L3_AGENT: ("InvalidL3Agent", "Agent {id} is not a L3 Agent or has been disabled"),
}

ROUTES = (dhcp_agents_of_network, networks_of_dhcp_agent, l3_agents_of_router, routers_of_l3_agent)
