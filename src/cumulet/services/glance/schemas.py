# SPDX-License-Identifier: Apache-2.0
"""The JSON schemas that clients read to learn what an image looks like."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.shapes import LINKS, either, keys, maybe
from cumulet.services.glance.images.members import STATUSES as MEMBER_STATUSES
from cumulet.services.glance.images.model import STATUSES, UUID, Image
from cumulet.services.glance.metadefs import forms

_TEXT = {"type": "string"}
_READ_ONLY: dict[str, dict[str, Any]] = {
    "status": {"type": "string", "enum": list(STATUSES)},
    "size": {"type": ["null", "integer"]},
    "virtual_size": {"type": ["null", "integer"]},
    "checksum": {"type": ["null", "string"], "maxLength": 32},
    "os_hash_algo": {"type": ["null", "string"], "maxLength": 64},
    "os_hash_value": {"type": ["null", "string"], "maxLength": 128},
    "created_at": _TEXT,
    "updated_at": _TEXT,
    "direct_url": _TEXT,
    "self": _TEXT,
    "file": _TEXT,
    "schema": _TEXT,
    "stores": _TEXT,
}
_LOCATIONS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"url": {"type": "string", "maxLength": 255}, "metadata": {"type": "object"}},
        "required": ["url", "metadata"],
    },
}
_SAID = {
    "id": "The image's id",
    "name": "What people call the image",
    "status": "Where the image is between being named and being usable",
    "visibility": "Who may use the image",
    "protected": "Whether the image is safe from being deleted",
    "os_hidden": "Whether the image is left out of lists that do not ask for hidden ones",
    "disk_format": "The format of the disk",
    "container_format": "What is wrapped around the disk",
    "size": "Bytes of the content",
    "virtual_size": "Bytes of the disk as a guest sees it",
    "checksum": "The content's MD5 in hexadecimal digits",
    "os_hash_algo": "The algorithm of os_hash_value",
    "os_hash_value": "The content's sum in hexadecimal digits",
    "min_disk": "GiB of disk that a server needs to boot it",
    "min_ram": "MiB of memory that a server needs to boot it",
    "owner": "The project that the image belongs to",
    "tags": "Words by which the image can be found",
    "created_at": "When the image was made",
    "updated_at": "When the image was last changed",
    "locations": "Where the content lies, if the site shows it",
    "direct_url": "Where the content lies, if the site shows it",
    "stores": "The stores that have the content, where there are several",
    "self": "The image's path",
    "file": "The path of the image's content",
    "schema": "The path of this schema",
}


def image_schema() -> dict[str, Any]:
    """The schema of one image, from its declaration."""
    properties: dict[str, Any] = {}
    for spec in Image.fields.values():
        if spec.create and not spec.spread:
            properties[spec.on_wire] = typed(dict(schema.field_schema(spec, loose=False)))
    properties |= {name: {**what, "readOnly": True} for name, what in _READ_ONLY.items()}
    properties["locations"] = _LOCATIONS
    return {
        "name": "image",
        "properties": {name: {**what, "description": _SAID[name]} for name, what in properties.items()},
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


def typed(what: dict[str, Any]) -> dict[str, Any]:
    """With its type said beside its values, which clients go by."""
    if "enum" in what and "type" not in what:
        what["type"] = ["null", "string"] if None in what["enum"] else "string"
    return what


MEMBER = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string", "description": "The project with which the image is shared"},
        "image_id": {**UUID, "description": "The image's id"},
        "created_at": {"type": "string", "description": "When the image was shared"},
        "updated_at": {"type": "string", "description": "When the membership was last changed"},
        "status": {
            "type": "string",
            "description": "What the project made of the offer",
            "enum": list(MEMBER_STATUSES),
        },
        "schema": {"type": "string", "readOnly": True},
    },
}


def collection(
    name: str, item: dict[str, Any], *, paged: bool = True, by_name: bool = False
) -> dict[str, Any]:
    """The schema of a list, or of a mapping by name; one that is paged has links to its pages."""
    pages = ("first", "next") if paged else ()
    links = [{"rel": word, "href": f"{{{word}}}"} for word in pages]
    items = {"type": "object", "additionalProperties": item} if by_name else {"type": "array", "items": item}
    return {
        "name": name,
        "properties": {
            name: items,
            **{word: {"type": "string"} for word in (*pages, "schema")},
        },
        "links": [*links, {"rel": "describedby", "href": "{schema}"}],
    }


_SCHEMAS = {
    "image": image_schema(),
    "images": collection("images", image_schema()),
    "member": MEMBER,
    "members": collection("members", MEMBER, paged=False),
    "metadefs/namespace": forms.NAMESPACE.published,
    "metadefs/namespaces": collection("namespaces", forms.NAMESPACE.published),
    "metadefs/object": forms.OBJECT.published,
    "metadefs/objects": collection("objects", forms.OBJECT.published),
    "metadefs/property": forms.PROPERTY.published,
    "metadefs/properties": collection("properties", forms.NAMED_PROPERTY.published, by_name=True),
    "metadefs/tag": forms.TAG.published,
    "metadefs/tags": collection("tags", forms.TAG.published),
    "metadefs/resource_type": forms.ASSOCIATION.published,
    "metadefs/resource_types": collection("resource_type_associations", forms.ASSOCIATION.published),
}


SCHEMA = keys(
    name=str,
    properties=dict[str, dict[str, Any]],
    links=maybe(LINKS),
    additionalProperties=maybe(either(bool, dict)),
    required=maybe(list[str]),
)


@routes("GET", *(f"/schemas/{name}" for name in _SCHEMAS), answer=SCHEMA)
async def show_schema(ctx: Context, request: Request) -> dict[str, Any]:
    """What an image, a member, a metadata definition, or a list of them looks like."""
    return _SCHEMAS[request.path.rstrip("/").rpartition("/schemas/")[2]]


ROUTES = (show_schema,)
