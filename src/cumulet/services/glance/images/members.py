# SPDX-License-Identifier: Apache-2.0
"""Members: the projects with which a shared image is shared, and what they made of the offer.

The owner adds and removes members; each member says for itself whether it accepts. A member sees its own
membership only.
"""

from typing import Any, Literal

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import array, keys
from cumulet.lib import timestamps
from cumulet.services.glance.images.changes import require_room
from cumulet.services.glance.images.model import Image, ImageMember, image_target

STATUSES = ("pending", "accepted", "rejected")
NOT_SHARED = "Only shared images have members."


MEMBER = keys(
    dict.fromkeys(("member_id", "image_id", "created_at", "updated_at", "schema"), str),
    status=Literal["pending", "accepted", "rejected"],
)


def view(member: ImageMember) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": timestamps.zulu(member.created_at),
        "updated_at": timestamps.zulu(member.updated_at),
        "schema": "/v2/schemas/member",
    }


@route("GET", "/images/{image_id}/members", answer=keys(members=array(MEMBER), schema=str))
def list_members(tx: Tx, ctx: Context, request: Request) -> Any:
    """The members that the caller may know of."""
    image = _image(tx, ctx, request)
    if image.visibility != "shared":
        raise Forbidden(f"Not allowed to list members for image {image.id}: {NOT_SHARED}")
    ctx.require("get_members", image_target(ctx, image))
    members = tx.all(ImageMember, *_known(ctx, image), order_by=(ImageMember.c.created_at, ImageMember.c.id))
    if not ctx.can("get_member", image_target(ctx, image)):
        members = []
    return {"members": [view(member) for member in members], "schema": "/v2/schemas/members"}


@route("GET", "/images/{image_id}/members/{member_id}", answer=MEMBER)
def show_member(tx: Tx, ctx: Context, request: Request) -> Any:
    """One membership; what may not be seen is not found."""
    image = _image(tx, ctx, request)
    if image.visibility != "shared":
        raise NotFound(NOT_SHARED)
    try:
        return view(_member(tx, ctx, request, image))
    except Forbidden as error:
        raise NotFound(error.message) from None


@route(
    "POST",
    "/images/{image_id}/members",
    schema=body_of(member={"type": "string", "maxLength": 255}),
    answer=MEMBER,
)
def add_member(tx: Tx, ctx: Context, request: Request) -> Any:
    """The project is a pending member."""
    member_id = _given_member(request.body)
    tx.lock(f"image:{request.params['image_id']}")
    image = _image(tx, ctx, request)
    if image.visibility != "shared":
        raise Forbidden(f"Not allowed to create members for image {image.id}.")
    ctx.require("add_member", image_target(ctx, image))
    if tx.exists(ImageMember, ImageMember.c.image_id == image.id, ImageMember.c.member_id == member_id):
        raise Conflict(f"Member {member_id} is duplicated for image {image.id}")
    _require_room(tx, image)
    member = tx.insert(ImageMember(image_id=image.id, member_id=member_id), retry=True)
    events.emit(tx, ctx, "image.member.create", member)
    return view(member)


@route(
    "PUT",
    "/images/{image_id}/members/{member_id}",
    schema=body_of(status={"enum": list(STATUSES)}),
    answer=MEMBER,
)
def update_member(tx: Tx, ctx: Context, request: Request) -> Any:
    """The member has accepted or rejected the image, or left it open."""
    status = _given_status(request.body)
    image = _image(tx, ctx, request)
    if image.visibility != "shared":
        raise Forbidden(f"Not allowed to update members for image {image.id}.")
    member = _member(tx, ctx, request, image)
    ctx.require("modify_member", image_target(ctx, image))
    if status not in STATUSES:
        raise BadRequest('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    member = tx.update(member, status=status)
    events.emit(tx, ctx, "image.member.update", member)
    return view(member)


@route("DELETE", "/images/{image_id}/members/{member_id}", status=204)
def remove_member(tx: Tx, ctx: Context, request: Request) -> None:
    """The image is no longer shared with the project."""
    image = _image(tx, ctx, request)
    if image.visibility != "shared":
        raise Forbidden(f"Not allowed to delete members for image {image.id}.")
    member = _member(tx, ctx, request, image)
    ctx.require("delete_member", image_target(ctx, image))
    tx.delete(member)
    events.emit(tx, ctx, "image.member.delete", member)


def _image(tx: Tx, ctx: Context, request: Request) -> Image:
    image_id = request.params["image_id"]
    try:
        image: Image = fetch_by_key(tx, ctx, Image, image_id, "get_image")
    except NotFound:
        raise NotFound(f"Image {image_id} not found.") from None
    return image


def _known(ctx: Context, image: Image) -> list[Any]:
    """The conditions for memberships of an image that the caller may know of."""
    where = [ImageMember.c.image_id == image.id]
    if not ctx.is_admin and ctx.project_id != image.project_id:
        where.append(ImageMember.c.member_id == ctx.project_id)
    return where


def _member(tx: Tx, ctx: Context, request: Request, image: Image) -> ImageMember:
    ctx.require("get_member", image_target(ctx, image))
    member_id = request.params["member_id"]
    member = tx.first(ImageMember, *_known(ctx, image), ImageMember.c.member_id == member_id)
    if member is None:
        raise NotFound(f"{member_id} not found in the member list of the image {image.id}.")
    return member


def _require_room(tx: Tx, image: Image) -> None:
    try:
        require_room("members for this image", tx.count(ImageMember, ImageMember.c.image_id == image.id) + 1)
    except TooLarge as error:
        raise TooLarge(f"Image member limit exceeded for image {image.id}: {error.message}:") from None


def _given_member(body: Any) -> str:
    if body is None:
        raise BadRequest("Body expected in request.")
    if not isinstance(body, dict):
        raise BadRequest('Expected a member in the form: {"member": "image_id"}')
    if "member" not in body:
        raise BadRequest("Member to be added not specified")
    member_id = body["member"]
    if not member_id:
        raise BadRequest("Member can't be empty")
    if not isinstance(member_id, str) or len(member_id) > 255:
        raise BadRequest("Member must be a project id of at most 255 characters")
    return member_id


def _given_status(body: Any) -> Any:
    if body is None:
        raise BadRequest("Body expected in request.")
    if not isinstance(body, dict):
        raise BadRequest('Expected a status in the form: {"status": "status"}')
    if "status" not in body:
        raise BadRequest("Status not specified")
    return body["status"]


ROUTES = (list_members, show_member, add_member, update_member, remove_member)
