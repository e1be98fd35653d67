# SPDX-License-Identifier: Apache-2.0
"""/images until 2.35: Glance's images in Nova's words."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Query, Reply, Request, as_flag
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.shapes import LINKS, array, keys, maybe
from cumulet.services.nova.proxies.words import LAST, MOST, retold
from cumulet.services.nova.servers.views import DISK_CONFIG
from cumulet.services.nova.wire import item_links, next_page

_ONE = "/images/{image_id}"
OF_GLANCE = frozenset(
    {
        *("id", "name", "status", "visibility", "protected", "owner", "tags", "size", "virtual_size", "file"),
        *("disk_format", "container_format", "min_disk", "min_ram", "checksum", "os_hash_algo", "self"),
        *("os_hash_value", "os_hidden", "created_at", "updated_at", "schema", "locations", "direct_url"),
        "stores",
    }
)
"""What Glance says of every image; the rest of an image are its properties."""
FILTERS = {
    "name": "name",
    "status": "status",
    "server": "instance_uuid",
    "type": "image_type",
    "minRam": "min_ram",
    "minDisk": "min_disk",
    "changes-since": "updated_at",
}
STATUSES = {
    "active": ("ACTIVE", 100),
    "queued": ("SAVING", 25),
    "saving": ("SAVING", 50),
    "deleted": ("DELETED", 0),
    "pending_delete": ("DELETED", 0),
    "killed": ("ERROR", 0),
}
"""What Nova calls an image of each status, and how far it is."""
BRIEF = keys(id=str, name=str | None, links=LINKS)
SHOWN = keys(
    {"OS-EXT-IMG-SIZE:size": int | None, "OS-DCF:diskConfig": maybe(DISK_CONFIG)},
    id=str,
    name=str | None,
    links=LINKS,
    minRam=int,
    minDisk=int,
    metadata=dict,
    created=str,
    updated=str,
    status=str,
    progress=int,
    server=maybe(keys(id=str, links=LINKS)),
)
_QUERY = (*FILTERS, "limit", "marker")


def there(method: str, image_id: str) -> Asked:
    return Asked(service="glance", method=method, path=_ONE, params={"image_id": image_id})


def image_of(tx: Tx, ctx: Context, image_id: str) -> dict[str, Any]:
    """An image as Glance shows it."""
    with retold((404, NotFound), message="Image not found."):
        return dict(ask(tx, ctx, there("GET", image_id)))


def properties_of(image: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the image alone."""
    return {name: value for name, value in image.items() if name not in OF_GLANCE}


def _brief(ctx: Context, image: Mapping[str, Any]) -> dict[str, Any]:
    path = f"/images/{image['id']}"
    glance = f"{ctx.base_url.removesuffix('/compute')}/image{path}"
    alternate = {"rel": "alternate", "type": "application/vnd.openstack.image", "href": glance}
    return {"id": image["id"], "name": image.get("name"), "links": [*item_links(ctx, path), alternate]}


def _whole(ctx: Context, image: Mapping[str, Any]) -> dict[str, Any]:
    status, progress = STATUSES.get(image["status"], ("UNKNOWN", 0))
    said = properties_of(image)
    body = _brief(ctx, image) | {
        "minRam": image["min_ram"],
        "minDisk": image["min_disk"],
        "metadata": said,
        "created": image["created_at"],
        "updated": image["updated_at"],
        "status": status,
        "progress": progress,
        "OS-EXT-IMG-SIZE:size": image.get("size"),
    }
    if "instance_uuid" in said:
        server_id = said["instance_uuid"]
        body["server"] = {"id": server_id, "links": item_links(ctx, f"/servers/{server_id}")}
    if "auto_disk_config" in said:
        body["OS-DCF:diskConfig"] = "AUTO" if as_flag(said["auto_disk_config"]) else "MANUAL"
    return body


# -- lists --------------------------------------------------------------------------------------------


@route(
    "GET",
    "/images",
    until=LAST,
    query=_QUERY,
    answer=keys(images=array(BRIEF), images_links=maybe(LINKS)),
)
def list_images(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Names and links of the images that the caller may use."""
    found, links = _list(tx, ctx, request)
    return {"images": [_brief(ctx, image) for image in found], **links}


@route(
    "GET",
    "/images/detail",
    until=LAST,
    query=_QUERY,
    answer=keys(images=array(SHOWN), images_links=maybe(LINKS)),
)
def list_images_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The same with all that is known of them."""
    found, links = _list(tx, ctx, request)
    return {"images": [_whole(ctx, image) for image in found], **links}


def _list(tx: Tx, ctx: Context, request: Request) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    limit = min(MOST, request.query.integer("limit") or MOST)
    query = {**_filters(request.query), "limit": limit}
    if (marker := request.query.get("marker")) is not None:
        query["marker"] = marker
    with retold((400, BadRequest), (404, BadRequest)):
        found = ask(tx, ctx, Asked(service="glance", method="GET", path="/images", query=query))["images"]
    if len(found) < limit:
        return found, {}
    href = next_page(ctx, request.path, request.query.pairs, found[-1]["id"])
    return found, {"images_links": [{"rel": "next", "href": href}]}


def _filters(query: Query) -> dict[str, str]:
    """The filters in Glance's words; a server may be named by its address."""
    found = {}
    for name, value in query.pairs:
        if name.startswith("property-"):
            found[name.removeprefix("property-")] = value
        elif name == "server":
            found[FILTERS[name]] = value.rpartition("/")[2]
        elif name == "status":
            found[FILTERS[name]] = value.lower()
        elif name == "changes-since":
            found[FILTERS[name]] = f"gte:{value}"
        elif name in FILTERS:
            found[FILTERS[name]] = value
    return found


# -- one ----------------------------------------------------------------------------------------------


@route("GET", _ONE, until=LAST, answer=keys(image=SHOWN))
def show_image(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One image."""
    return {"image": _whole(ctx, image_of(tx, ctx, request.params["image_id"]))}


@route("DELETE", _ONE, until=LAST, status=204)
def delete_image(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The image is gone."""
    image = image_of(tx, ctx, request.params["image_id"])
    with retold((403, Forbidden), message="You are not allowed to delete the image."):
        ask(tx, ctx, there("DELETE", image["id"]))
    return Reply(204)


ROUTES = (list_images, list_images_detail, show_image, delete_image)
