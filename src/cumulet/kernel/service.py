# SPDX-License-Identifier: Apache-2.0
"""What a service says of itself: a manifest of facts and thunks, so that it costs nothing until it is used.

A manifest names where the service answers, what the catalog says of it, and functions that give the rest
when it is needed: its API, its flows, its reconcilers, what it offers to other services, what it makes of
the reports of hosts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cumulet.kernel import quota
from cumulet.kernel.auth.policy import Policy, Rule
from cumulet.kernel.config import SettingsError, changed
from cumulet.kernel.errors import Error
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.wire import WireProfile
from cumulet.kernel.resource.declaration import Exposed, Resource
from cumulet.kernel.resource.reading import Show
from cumulet.kernel.versions import Microversions

if TYPE_CHECKING:
    from cumulet.kernel.app import App
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.bus import HostFacts, Report
    from cumulet.kernel.db.tx import Tx
    from cumulet.kernel.reconcile import Reconciler
    from cumulet.kernel.saga import Saga


@dataclass(frozen=True, kw_only=True)
class Api:
    """Everything that a service answers over HTTP.

    `prefix` stands before the paths of resources and prefixed routes. `routes` are functions marked with
    @route. `quotas` are what its projects can run out of. `kinds` are policy checks of the service's own,
    `query` whatever the service wants to do with the path before it is routed.
    """

    prefix: str
    wire: WireProfile
    policies: Mapping[str, Rule]
    resources: Sequence[Exposed] = ()
    routes: Sequence[Callable[..., Any]] = ()
    microversions: Microversions | None = None
    quota_list: Sequence[quota.Quota] = ()
    over_quota: Callable[[list[quota.Shortage]], Error] = quota.over_quota
    kinds: Mapping[str, Any] = field(default_factory=dict)
    project_in_path: bool = False
    """Whether a project id may stand between the prefix and the path, as Nova and Cinder allow."""
    version_headers: bool = True
    request_id_headers: Sequence[str] = ()
    """Headers besides X-Openstack-Request-Id that carry the request's id."""
    answer_headers: "Callable[[Context], Mapping[str, str]] | None" = None
    """Headers that every answer carries besides."""
    canonical: Callable[[str], str] | None = None
    """A path as it is routed, where more than a slash at its end may mean nothing, or even that something."""
    name_check: Callable[[str, bytes], None] | None = None
    """Raises for a path, and the bytes of which it was made, that can name nothing: 404 without one."""
    admit: "Callable[[Context], None] | None" = None
    """Raises Forbidden for tokens that hold and are not for this service."""

    @cached_property
    def quotas(self) -> dict[str, quota.Quota]:
        return {item.name: item for item in self.quota_list}

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        """Every route, of resources and functions alike."""
        found = [
            operation.endpoint(exposed.resource, self.wire)
            for exposed in self.resources
            for operation in exposed.operations
        ]
        for function in self.routes:
            found.extend(function.endpoints)  # type: ignore[attr-defined]
        return found

    @cached_property
    def show_rules(self) -> dict[type[Resource], str]:
        """The policy that lets one see each resource."""
        return {
            exposed.resource: operation.policy
            for exposed in self.resources
            for operation in exposed.operations
            if isinstance(operation, Show)
        }


@dataclass(frozen=True)
class CatalogEntry:
    """A service of the catalog. `suffix` follows the service's path and may hold $(project_id)s."""

    type: str
    name: str
    suffix: str = ""


Prepare = Callable[["App"], Awaitable[None]]
"""What a process does before it answers, in no transaction: keys, files, hashes that `first_start` needs."""
Watch = Callable[["App"], Awaitable[None]]
"""What runs as long as the process does, in every process: it notices what others have changed."""
ReportHandler = Callable[["Tx", str, "Report"], None]
"""What a service makes of a report: `(tx, host, report)`."""
Check = Callable[["Tx"], list[str]]
"""An invariant: from the database to a sentence for each violation."""


Inspection = Callable[["App"], Awaitable[list[str]]]
"""An invariant of more than rows, such as their files: a sentence for each violation."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A manifest. The thunks are called once, when their result is first needed.

    `provides` are contracts, by protocol class: an object, or a class that is made with the App. `reports`
    handle what hosts say of a kind of document. `first_start(tx, app)` fills a new database and changes
    nothing in an old one, `host_connected(tx, facts)` takes note of a host, `invariants` and `inspections`
    are what `cumulet doctor` checks. `settings` are those that it was made with, `configure(settings)` makes
    it with others.
    """

    name: str
    path: str
    port: int
    catalog: tuple[CatalogEntry, ...]
    api: Callable[[], Api]
    admin_rule: str = "admin_required"
    sagas: Callable[[], "Sequence[Saga]"] = tuple
    reconcilers: Callable[[], "Sequence[Reconciler]"] = tuple
    provides: Callable[[], Mapping[type, Any]] = dict
    reports: Callable[[], Mapping[str, ReportHandler]] = dict
    prepare: Prepare | None = None
    first_start: Callable[["Tx", "App"], None] | None = None
    watch: Watch | None = None
    devstack: Callable[["App", Path | None], Awaitable[None]] | None = None
    """Adds what CI for DevStack expects; the path is a guest image on disk, None in simulation."""
    host_connected: Callable[["Tx", "HostFacts"], None] | None = None
    invariants: Callable[[], Sequence[Check]] = tuple
    inspections: Callable[[], Sequence[Inspection]] = tuple
    at_root: Sequence[str] = ()
    """Paths that clients ask for at the root of a port, though they are this service's."""
    own_healthcheck: bool = False
    """Whether it answers /healthcheck itself, in its own letter."""
    settings: Any = None
    configure: "Callable[[Any], Service] | None" = None

    def with_settings(self, given: Mapping[str, Any]) -> "Service":
        """The service with what an operator wants otherwise. Raises SettingsError for what it cannot be."""
        if self.configure is None:
            raise SettingsError(f"{self.name} has no settings.")
        return self.configure(changed(self.settings, given))


class Running:
    """A service in a process: its manifest, and what was made of it so far."""

    def __init__(self, manifest: Service, overrides: Mapping[str, Any] | None = None) -> None:
        self.manifest = manifest
        self._overrides = overrides or {}

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def admin_rule(self) -> str:
        return self.manifest.admin_rule

    @cached_property
    def api(self) -> Api:
        return self.manifest.api()

    @cached_property
    def policy(self) -> Policy:
        return Policy(self.api.policies, self._overrides, self.api.kinds)


def missing_rules(api: Api) -> list[str]:
    """Policy names that an endpoint or a field uses and no default defines; empty when all is well."""
    used = {endpoint.policy for endpoint in api.endpoints if endpoint.policy}
    for exposed in api.resources:
        for spec in exposed.resource.fields.values():
            used |= {spec.rule} if spec.rule else set()
            if spec.set_rule:
                used |= {
                    spec.set_rule.format(verb=v)
                    for v, on in (("create", spec.create), ("update", spec.update))
                    if on
                }
    return sorted(used - set(api.policies))


def own_context(app: "App", service: str, request_id: str = "") -> "Context":
    """The context in which a service acts for itself: in reconcilers, and when hosts report."""
    from cumulet.kernel.auth.context import ANONYMOUS, Context

    return Context(app, app.service(service), ANONYMOUS, request_id, elevated=True)
