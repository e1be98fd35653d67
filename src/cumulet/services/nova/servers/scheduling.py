# SPDX-License-Identifier: Apache-2.0
"""Which host should have a server: a pure function from what is free to an order in which to try.

Placement has said already who has room. What is left are the host's health, the zone, a host that was
named, what the flavor asks of the host's aggregates, the policy of the server's group, and hints; among
equals one that has the server's volumes comes first, then the one with most memory free, so that servers
spread.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cumulet.contracts.placement import Candidate
from cumulet.services.nova.aggregates.matching import unmet
from cumulet.services.nova.compute.model import Compute

DOWN = "is down"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a server wants of its host. `members` counts the servers of its group on each host."""

    zone: str | None = None
    host: str | None = None
    tried: Sequence[str] = ()
    policy: str | None = None
    members: Mapping[str, int] = field(default_factory=dict)
    most_per_host: int = 1
    away_from: Sequence[str] = ()
    together_with: Sequence[str] | None = None
    of_aggregates: Mapping[str, str] = field(default_factory=dict)
    """What its flavor asks of the host's aggregates."""
    with_volumes_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The hosts that have the server's volumes, and for each the hosts that reach these."""


@dataclass(frozen=True)
class Choice:
    """Candidates in the order in which to try them, and why the others were passed over.

    `returning` are those of the others that are only away for a moment.
    """

    candidates: list[Candidate]
    refused: dict[str, str]
    returning: list[str]


def choose(candidates: Sequence[Candidate], hosts: Mapping[str, Compute], wish: Wish) -> Choice:
    """Sort out who may have the server, and who should before the others."""
    fit, refused, returning = [], {}, []
    for candidate in candidates:
        host = hosts.get(candidate.name)
        why = _against(host, candidate.name, wish)
        if why:
            refused[candidate.name] = why
        elif host is not None and not host.up:
            refused[candidate.name] = DOWN
            returning += [candidate.name] if host.returning else []
        else:
            fit.append(candidate)
    return Choice(sorted(fit, key=lambda candidate: _rank(candidate, wish)), refused, returning)


def _against(host: Compute | None, name: str, wish: Wish) -> str:
    """Why the host cannot have the server; empty when it can as soon as it is up."""
    if host is None:
        return DOWN
    if wish.host is not None and name != wish.host:
        return f"is not {wish.host}"
    if host.service.disabled and wish.host is None:
        return "is disabled"
    if wish.zone is not None and host.zone != wish.zone:
        return f"is in zone {host.zone}"
    if missing := unmet(wish.of_aggregates, host.words):
        return f"is in no aggregate with {missing}"
    if name in wish.tried:
        return "was tried and failed"
    if name in wish.away_from:
        return "has a server that this one must stay away from"
    if wish.together_with is not None and name not in wish.together_with:
        return "does not have the servers that this one must be with"
    if any(name not in reaching for reaching in wish.with_volumes_of.values()):
        return "cannot reach the server's volumes"
    return _against_group(name, wish)


def _against_group(name: str, wish: Wish) -> str:
    taken = wish.members.get(name, 0)
    if wish.policy == "anti-affinity" and taken >= wish.most_per_host:
        return f"has {taken} servers of the group"
    if wish.policy == "affinity" and wish.members and not taken:
        return "is not where the group is"
    return ""


def _rank(candidate: Candidate, wish: Wish) -> tuple[int, bool, int, str]:
    members = wish.members.get(candidate.name, 0)
    group = {"soft-affinity": -members, "soft-anti-affinity": members}.get(wish.policy or "", 0)
    elsewhere = any(host != candidate.name for host in wish.with_volumes_of)
    return group, elsewhere, -candidate.free.get("MEMORY_MB", 0), candidate.name
