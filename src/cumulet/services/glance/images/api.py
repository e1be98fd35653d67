# SPDX-License-Identifier: Apache-2.0
"""The operations on images as records."""

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Delete, List, Show, expose
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.glance.images.changes import CREATE, delete_image
from cumulet.services.glance.images.filters import FILTERS, listed
from cumulet.services.glance.images.model import Image

IMAGES = expose(
    Image,
    List(policy="get_images", where=listed, filters=FILTERS),
    Show(policy="get_image"),
    CREATE,
    Delete(policy="delete_image", run=delete_image),
)


@route("POST", "/images/{image_id}/actions/deactivate", status=204)
def deactivate(tx: Tx, ctx: Context, request: Request) -> None:
    """Only administrators can read the image's content now."""
    _turn(tx, ctx, request, "deactivate", ("active", "deactivated"))


@route("POST", "/images/{image_id}/actions/reactivate", status=204)
def reactivate(tx: Tx, ctx: Context, request: Request) -> None:
    """The image can be used again."""
    _turn(tx, ctx, request, "reactivate", ("deactivated", "active"))


def _turn(tx: Tx, ctx: Context, request: Request, verb: str, ways: tuple[str, str]) -> None:
    """Move from the first status to the second; already being there is fine."""
    image: Image = fetch_by_key(tx, ctx, Image, request.params["image_id"], verb)
    if image.status not in ways:
        raise Forbidden(f"Not allowed to {verb} image in status '{image.status}'")
    if image.status == ways[0]:
        image = tx.update(image, status=ways[1])
        events.emit(tx, ctx, f"image.{verb}", image)


ROUTES = (deactivate, reactivate)
