# SPDX-License-Identifier: Apache-2.0
"""A small service for tests of the kernel: books on shelves, which hosts keep as volumes."""

from typing import Any

from cumulet.contracts.documents import VolumeDocument
from cumulet.kernel import hosts, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.auth.policy import Rule
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import body_of, route, told
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.wire import WireProfile, error_by_name, sort_by_key_and_dir
from cumulet.kernel.quota import Quota
from cumulet.kernel.resource import (
    Action,
    Create,
    Delete,
    List,
    Resource,
    Show,
    Update,
    expose,
    field,
    ident,
    owner,
)
from cumulet.kernel.saga import Run, step
from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.kernel.versions import Microversions
from cumulet.lib.timestamps import Timestamp

POLICIES = {
    "admin_required": Rule("role:admin", ()),
    "book:read": Rule("role:reader and project_id:%(project_id)s or role:admin"),
    "book:write": Rule("role:member and project_id:%(project_id)s or role:admin"),
    "book:shelf": Rule("role:admin"),
}


class Book(Resource, service="shelf", path="/books", member="book", unique=(("project_id", "isbn"),)):
    """A book."""

    id: str = ident()
    title: str | None = field(
        default=None, create=True, update=True, filter=True, sort=True, brief=True, max=20
    )
    pages: int = field(default=1, create=True, update=True, filter=True, sort=True, min=1)
    isbn: str | None = field(default=None, create=True)
    lent: bool = field(default=False, filter=True, update=True, update_since="1.2")
    genre: str = field(default="novel", create=True, since="1.3", one_of=("novel", "essay"))
    shelf: str | None = field(default=None, rule="book:shelf", set_rule="book:shelf", create=True)
    status: str = field(default="ordered")
    why: str | None = field(default=None)
    project_id: str = owner()
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""))


def give_up(tx: Tx, ctx: Context, why: str, book_id: str, **_: Any) -> None:
    book = tx.get(Book, book_id)
    if book is not None:
        tx.update(book, status="lost", why=why)


def unshelve(tx: Tx, ctx: Context, book_id: str, *_: Any) -> None:
    hosts.withdraw(tx, ctx, "host-1", "volume", book_id)


@step(undo=unshelve)
def put(tx: Tx, ctx: Context, book_id: str) -> list[int]:
    return hosts.publish(tx, ctx, "host-1", VolumeDocument(id=book_id, size_gb=1))


@step()
async def wait(ctx: Context, book_id: str, generation: list[int]) -> None:
    await ctx.app.hosts.made_true("host-1", "volume", book_id, generation)


@step()
def tell(tx: Tx, ctx: Context, book_id: str) -> None:
    tx.update(tx.need(Book, book_id), status="shelved")


@saga.saga("book.shelve/1", keys=("book",), on_failure=give_up)
async def shelve(run: Run, book_id: str) -> None:
    """Put a book on its shelf, trying twice."""
    async for attempt in run.attempts(2):
        async with attempt:
            generation = await run(put, book_id)
            await run(wait, book_id, generation)
    await run(tell, book_id)


@step()
def take(tx: Tx, ctx: Context, book_id: str) -> list[int] | None:
    return hosts.withdraw(tx, ctx, "host-1", "volume", book_id)


@step()
def burn(tx: Tx, ctx: Context, book_id: str) -> None:
    if (book := tx.get(Book, book_id)) is not None:
        tx.delete(book)


@saga.saga("book.remove/1", keys=("book",), queued=True)
async def remove(run: Run, book_id: str) -> None:
    """Take a book away for good."""
    await run.pivot()
    generation = await run(take, book_id)
    if generation is not None:
        await run(wait, book_id, generation)
    await run(burn, book_id)


def start_shelving(tx: Tx, ctx: Context, book: Book, _: Any) -> None:
    saga.start(tx, ctx, shelve, book_id=book.id)


def start_removing(tx: Tx, ctx: Context, book: Book) -> None:
    saga.cancel(tx, f"book:{book.id}")
    saga.start(tx, ctx, remove, book_id=book.id)


@route("GET", "/boom")
def boom(tx: Tx, ctx: Context, request: Request) -> None:
    """Something that nobody foresaw."""
    raise RuntimeError("nobody foresaw this")


@route("GET", "/hello", public=True, answer=body_of(hello={"type": "string"}))
def hello(tx: Tx, ctx: Context, request: Request) -> dict[str, str]:
    """A greeting for everyone."""
    return {"hello": ctx.base_url}


@route("POST", "/strict", answer=told({"type": "object"}))
def strict(tx: Tx, ctx: Context, request: Request) -> Any:
    """What was sent, if it is an object."""
    if not isinstance(request.body, dict):
        raise BadRequest("an object is wanted")
    return request.body


def books(tx: Tx, project_id: str) -> int:
    return tx.count(Book, Book.c.project_id == project_id)


def pages(tx: Tx, project_id: str) -> int:
    return tx.sum(Book, Book.c.pages, Book.c.project_id == project_id)


def api() -> Api:
    return Api(
        prefix="/v1",
        wire=WireProfile(error=error_by_name, sort=sort_by_key_and_dir),
        policies=POLICIES,
        resources=(
            expose(
                Book,
                List(policy="book:read", brief=True),
                List(policy="book:read", detail=True),
                Show(policy="book:read"),
                Create(policy="book:write", quota={"books": 1, "pages": "pages"}, bulk=True, location=True),
                Update(policy="book:write"),
                Delete(policy="book:write", run=start_removing, status=202),
                Action(name="shelve", policy="book:write", run=start_shelving),
            ),
        ),
        routes=(boom, hello, strict),
        microversions=Microversions("shelf", "1.0", "1.3"),
        quota_list=(Quota("books", 10, books), Quota("pages", 1000, pages)),
        project_in_path=True,
    )


SHELF = Service(
    name="shelf",
    path="/shelf",
    port=1,
    catalog=(CatalogEntry("shelf", "shelf", "/v1"),),
    api=api,
    sagas=lambda: [shelve, remove],
)
