# SPDX-License-Identifier: Apache-2.0
"""What an image is, and the side tables of what it has any number of: tags, custom properties, members."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.resource import Resource, computed, field, ident, loaded, owner
from cumulet.lib.timestamps import Timestamp

CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
VISIBILITIES = ("community", "public", "private", "shared")
UPLOADING = ("queued", "saving", "uploading", "importing")
STATUSES = (*UPLOADING, "active", "deactivated", "pending_delete", "deleted", "killed")

UUID = {"type": "string", "pattern": "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"}
TAGS = {"type": "array", "items": {"type": "string", "maxLength": 255}}
WHOLE_NUMBER = {"type": "integer"}
PROPERTIES = {"type": "object", "additionalProperties": {"type": "string"}}


class ImageTag(
    Row, table="glance_image_tags", unique=(("image_id", "value"),), indexes=(("value", "image_id"),)
):
    """One word on one image."""

    id: str = column(primary=True, default_factory=ids.plain)
    image_id: str = column(references="glance_images.id", on_delete="CASCADE")
    value: str


class ImageProperty(
    Row, table="glance_image_properties", unique=(("image_id", "name"),), indexes=(("name", "image_id"),)
):
    """One custom property of one image."""

    id: str = column(primary=True, default_factory=ids.plain)
    image_id: str = column(references="glance_images.id", on_delete="CASCADE")
    name: str
    value: str


class ImageMember(
    Row,
    table="glance_image_members",
    unique=(("image_id", "member_id"),),
    indexes=(("member_id", "image_id"),),
):
    """A project with which a shared image is shared; `status` is pending, accepted or rejected."""

    id: str = column(primary=True, default_factory=ids.plain)
    image_id: str = column(references="glance_images.id", on_delete="CASCADE")
    member_id: str
    status: str = column(default="pending")
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


_TAGS = sa.select(ImageTag.c.image_id, ImageTag.c.value).order_by(ImageTag.c.value)
_PROPERTIES = sa.select(ImageProperty.c.image_id, ImageProperty.c.name, ImageProperty.c.value)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_TAGS_OF = _TAGS.where(ImageTag.c.image_id.in_(_IDS))
_PROPERTIES_OF = _PROPERTIES.where(ImageProperty.c.image_id.in_(_IDS))


def tags_of(tx: Tx, ctx: Context | None, images: "Sequence[Image]") -> dict[str, list[str]]:
    """The tags of images, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for image_id, value in tx.rows(_TAGS_OF, {"ids": [image.id for image in images]}):
        found[image_id].append(value)
    return found


def properties_of(tx: Tx, ctx: Context | None, images: "Sequence[Image]") -> dict[str, dict[str, str]]:
    """The custom properties of images."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for image_id, name, value in tx.rows(_PROPERTIES_OF, {"ids": [image.id for image in images]}):
        found[image_id][name] = value
    return found


def self_path(ctx: Context, image: "Image") -> str:
    return f"/v2/images/{image.id}"


def file_path(ctx: Context, image: "Image") -> str:
    return f"/v2/images/{image.id}/file"


def schema_path(ctx: Context, image: "Image") -> str:
    return "/v2/schemas/image"


class Image(
    Resource,
    service="glance",
    path="/images",
    member="",
    plural="images",
    noun="image",
    indexes=(("created_at", "id"), ("visibility",)),
):
    """The content of a disk, and what is said of it; content never changes once it is there.

    `upload_id` names the upload that is writing its content now, `upload_seen_at` when it was last heard of.
    """

    missing = "No image found with ID {id}"

    id: str = ident(create=True, schema=UUID, filter=False)
    name: str | None = field(default=None, create=True, update=True, sort=True, max=255)
    status: str = field(default="queued", sort=True)
    visibility: str = field(default="shared", create=True, update=True, one_of=VISIBILITIES)
    protected: bool = field(default=False, create=True, update=True)
    os_hidden: bool = field(default=False, create=True, update=True)
    disk_format: str | None = field(default=None, create=True, update=True, sort=True, one_of=DISK_FORMATS)
    container_format: str | None = field(
        default=None, create=True, update=True, sort=True, one_of=CONTAINER_FORMATS
    )
    size: int | None = field(default=None, sort=True, filter=True)
    virtual_size: int | None = field(default=None, filter=True)
    checksum: str | None = field(default=None, filter=True)
    os_hash_algo: str | None = field(default=None, filter=True)
    os_hash_value: str | None = field(default=None, filter=True)
    min_disk: int = field(default=0, create=True, update=True, filter=True, schema=WHOLE_NUMBER)
    min_ram: int = field(default=0, create=True, update=True, filter=True, schema=WHOLE_NUMBER)
    project_id: str | None = owner(default=None, create=True, update=True, filter=True, wire="owner", max=255)
    tags: list[str] = loaded(tags_of, default=(), create=True, update=True, schema=TAGS)
    properties: dict[str, str] = loaded(
        properties_of, default={}, create=True, schema=PROPERTIES, spread=True
    )
    self_link: str = computed(self_path, wire="self")
    file_link: str = computed(file_path, wire="file")
    schema_link: str = computed(schema_path, wire="schema")
    upload_id: str | None = field(default=None, hidden=True)
    upload_seen_at: Timestamp = field(default=Timestamp(""), hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own, public and community images, those of nobody, and those shared with the caller's project."""
        if ctx.is_admin:
            return None
        own = cls.c.project_id == ctx.project_id if ctx.project_id else sa.false()
        return sa.or_(
            own,
            cls.c.visibility.in_(("public", "community")),
            cls.c.project_id.is_(None),
            shared_with(ctx, "all"),
        )

    @classmethod
    def known_to(cls, tx: Tx, ctx: Context, row: Any) -> bool:
        """`visible`, for a row in hand."""
        if ctx.is_admin or row.visibility in ("public", "community"):
            return True
        if row.project_id is None or row.project_id == ctx.project_id:
            return True
        if row.visibility != "shared" or not ctx.project_id:
            return False
        member = ImageMember.c.member_id == ctx.project_id
        return tx.exists(ImageMember, ImageMember.c.image_id == row.id, member)

    @classmethod
    def target_for(cls, tx: Tx, ctx: Context, row: Any) -> Mapping[str, Any]:
        return image_target(ctx, row)

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        project = given.get("project_id", ctx.project_id)
        visibility = given.get("visibility", "private")
        return {"project_id": project, "owner": project, "visibility": visibility}


def image_target(ctx: Context, image: Image) -> dict[str, Any]:
    """An image as rules see it.

    `member_id` is the caller's project if it sees the image only because it is shared with it.
    """
    member = None
    if image.visibility == "shared" and ctx.project_id != image.project_id:
        member = ctx.project_id
    return {**image.__dict__, "owner": image.project_id, "member_id": member}


def shared_with(ctx: Context, status: str) -> Any:
    """The condition for images that are shared with the caller's project; `status` may be `all`."""
    if not ctx.project_id:
        return sa.false()
    where = [ImageMember.c.image_id == Image.c.id, ImageMember.c.member_id == ctx.project_id]
    if status != "all":
        where.append(ImageMember.c.status == status)
    return sa.and_(Image.c.visibility == "shared", sa.exists().where(*where))
