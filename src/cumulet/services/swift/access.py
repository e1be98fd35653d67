# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles in the own project, access lists for all others, in upstream's order."""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error, Forbidden, Unauthorized
from cumulet.kernel.http.messages import Request
from cumulet.services.swift import acl
from cumulet.services.swift.model import Account, Container
from cumulet.services.swift.names import Place

READ, WRITE = "X-Container-Read", "X-Container-Write"
OF_ACCOUNT = "X-Account-Access-Control"
_READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Grant:
    """What somebody who may do a thing may do besides: owners see and set who else may read and write."""

    owner: bool = False
    reseller: bool = False


OWNER, GUEST, RESELLER = Grant(owner=True), Grant(), Grant(owner=True, reseller=True)


@dataclass(frozen=True)
class Asking:
    """What is asked for: a place, the method, and the list of access that bears on it."""

    place: Place
    method: str
    acl: str = ""
    account_acl: str = ""
    referer: str = ""

    @property
    def reads(self) -> bool:
        return self.method in _READING


def admit(
    ctx: Context, request: Request, place: Place, account: Account | None, container: Container | None
) -> Grant:
    """As whom the caller may do this. Raises Unauthorized, Forbidden."""
    return permitted(ctx, asking(request, place, account, container))


def asking(
    request: Request, place: Place, account: Account | None, container: Container | None, method: str = ""
) -> Asking:
    method = method or request.method
    header = READ if method in _READING else WRITE
    # Containers themselves are written by their owners only.
    listed = container is not None and bool(place.name or method in _READING)
    return Asking(
        place,
        method,
        container.headers.get(header, "") if container is not None and listed else "",
        account.headers.get(OF_ACCOUNT, "") if account is not None else "",
        request.headers.get("referer", ""),
    )


def permitted(ctx: Context, asked: Asking) -> Grant:
    """As whom the caller may do what is asked. Raises Unauthorized, Forbidden."""
    if not ctx.user_id:
        return _anonymous(ctx, asked)
    if ctx.can("reseller_admin"):
        return RESELLER
    target = {"project_id": asked.place.project_id}
    if asked.reads and ctx.identity.system_scope and ctx.can("system_reader"):
        return GUEST
    if not asked.place.container and asked.method in ("DELETE", "PUT"):
        raise _denied(ctx, asked.place)
    listed = acl.parse(asked.acl)
    if asked.place.project_id and asked.place.project_id == ctx.project_id:
        if ctx.can("operator", target):
            return OWNER
        if asked.reads and ctx.can("project_reader", target):
            return GUEST
        if {role.lower() for role in ctx.identity.roles} & {word.lower() for word in listed.groups}:
            return GUEST
    if _names(ctx) & listed.groups or _by_referrer(asked, listed):
        return GUEST
    degree = _degree(ctx, asked)
    if degree == "admin":
        return OWNER
    if degree == "read-write" and (asked.reads or asked.place.container):
        return GUEST
    if degree == "read-only" and asked.reads:
        return GUEST
    raise _denied(ctx, asked.place)


def _anonymous(ctx: Context, asked: Asking) -> Grant:
    if _by_referrer(asked, acl.parse(asked.acl)):
        return GUEST
    raise _denied(ctx, asked.place)


def _by_referrer(asked: Asking, listed: acl.Acl) -> bool:
    """Whether a page lets anybody in: to objects, and to the list of a container where it says so."""
    if not listed.admits_referrer(asked.referer):
        return False
    return bool(asked.place.name) or listed.listings


def _degree(ctx: Context, asked: Asking) -> str:
    """The highest degree that the account's own list gives the caller, "" for none."""
    known = acl.parse_of_account(asked.account_acl)
    return next((degree for degree in acl.DEGREES if _names(ctx) & known[degree]), "")


def _names(ctx: Context) -> frozenset[str]:
    """Every PROJECT:USER that means the caller; by name only in the default domain, where names are known."""
    who = ctx.identity
    projects, users = [who.project_id or "", "*"], [who.user_id, "*"]
    if who.user_domain_id == "default" and who.project_domain_id in ("default", None):
        projects.append(who.project_name or "")
        users.append(who.user_name)
    return frozenset(f"{project}:{user}" for project in projects if project for user in users if user)


def _denied(ctx: Context, place: Place) -> Error:
    if not ctx.user_id:
        return Unauthorized("", headers={"WWW-Authenticate": f'Swift realm="{place.account}"'})
    refusal = Forbidden("")
    refusal.refused_by = "operator"
    return refusal
