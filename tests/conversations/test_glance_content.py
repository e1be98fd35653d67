# SPDX-License-Identifier: Apache-2.0
"""Content: uploaded, looked at, downloaded, staged and imported, and never half there."""

import asyncio
import errno
import hashlib
import os
import shutil
import subprocess
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cumulet.contracts.glance import Images
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import TooLarge
from cumulet.kernel.hosts import ImageSource
from cumulet.kernel.service import own_context
from cumulet.lib.qcow2 import empty_qcow2
from cumulet.services.glance.data import reconcile, store
from cumulet.services.glance.data.flows import import_image
from cumulet.services.glance.data.invariants import content_is_accounted_for
from cumulet.services.glance.devstack import NAME, add_guest_image
from cumulet.services.glance.images.model import Image
from cumulet.services.glance.service import SERVICE as GLANCE
from cumulet.testing import asgi
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people
from cumulet.testing.torment import torment

IMAGES = "/image/v2/images"
OCTETS = {"content-type": "application/octet-stream"}
GLANCE_DIRECT = {"method": {"name": "glance-direct"}}


def converse(tmp_path: Path, database: str, talk: Callable[[Cloud], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), GLANCE], database=database, hosts=0) as cloud:
            cloud.token = "member"
            await talk(cloud)

    asyncio.run(whole())


async def make(cloud: Cloud, disk_format: str | None = "raw", **more: Any) -> str:
    body = {"name": "x", "container_format": "bare", "disk_format": disk_format, **more}
    answer = await cloud.request("POST", IMAGES, body)
    assert answer.status == 201, answer
    return str(answer["id"])


async def send(cloud: Cloud, id: str, content: Any, where: str = "file", **headers: str) -> Answer:
    sent = OCTETS | {"x-auth-token": "member"} | {name.replace("_", "-"): v for name, v in headers.items()}
    url = f"http://cloud{IMAGES}/{id}/{where}"
    return await asgi.request(cloud.app.root, "PUT", url, body=content, headers=sent)


async def show(cloud: Cloud, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await cloud.request("GET", f"{IMAGES}/{id}")).body
    return found


async def read(cloud: Cloud, id: str, token: str = "member", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await cloud.request("GET", f"{IMAGES}/{id}/file", token=token, headers=sent)


def files(cloud: Cloud) -> list[str]:
    """Every file of the store, whatever its folder."""
    state = cloud.app.settings.state
    return sorted(
        path.name for name in ("images", "staging", "exchange") for path in (state / name).iterdir()
    )


async def nothing_is_kept(cloud: Cloud, id: str) -> None:
    shown = await show(cloud, id)
    assert (shown["status"], shown["size"], shown["checksum"]) == ("queued", None, None)
    assert files(cloud) == []


def test_what_is_uploaded_is_what_is_downloaded(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        content = os.urandom(3 << 20) + b"end"
        id = await make(cloud)
        assert (await read(cloud, id)).status == 204
        assert (await send(cloud, id, content)).status == 204
        shown = await show(cloud, id)
        assert (shown["status"], shown["size"], shown["virtual_size"]) == ("active", 3145731, 3145731)
        assert shown["checksum"] == hashlib.md5(content).hexdigest()
        assert (shown["os_hash_algo"], shown["os_hash_value"]) == (
            "sha512",
            hashlib.sha512(content).hexdigest(),
        )
        answer = await read(cloud, id)
        assert answer.status == 200 and answer.body == content
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-length"] == "3145731"
        assert answer.headers["content-md5"] == shown["checksum"]
        assert (await read(cloud, id, token="stranger")).status == 404
        assert (await cloud.request("HEAD", f"{IMAGES}/{id}/file")).status == 405
        assert (await cloud.request("DELETE", f"{IMAGES}/{id}")).status == 204
        await asyncio.sleep(0.1)
        assert files(cloud) == []

    converse(tmp_path, database, talk)


def test_a_range_of_the_content_can_be_asked_for(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)
        await send(cloud, id, b"0123456789")
        good = {
            "bytes=2-4": (b"234", "bytes 2-4/10"),
            "bytes=7-": (b"789", "bytes 7-9/10"),
            "bytes=8-99": (b"89", "bytes 8-9/10"),
            "bytes=-3": (b"789", "bytes 7-9/10"),
            "bytes=-99": (b"0123456789", "bytes 0-9/10"),
        }
        for asked, (content, said) in good.items():
            answer = await read(cloud, id, range=asked)
            assert (answer.status, answer.body, answer.headers["content-range"]) == (206, content, said)
        for asked, status in {
            "bytes=10-": 416,
            "bytes=5-2": 416,
            "lines=1-2": 416,
            "bytes=0-1,3-4": 400,
        }.items():
            assert (await read(cloud, id, range=asked)).status == status, asked
        assert (await read(cloud, id, content_range="bytes 1-2/*")).body == b"12"
        assert (await read(cloud, id, content_range="bytes 1-20/*")).status == 416

    converse(tmp_path, database, talk)


def test_content_has_its_time_and_its_form(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud, None, container_format=None)
        refused = await send(cloud, id, b"x")
        assert refused.status == 400
        assert (
            "Properties disk_format, container_format must be set prior to saving data." in refused["message"]
        )
        id = await make(cloud)
        assert (await send(cloud, id, b"x", content_type="text/plain")).status == 415
        assert (await send(cloud, id, b"x", x_openstack_image_size="much")).status == 400
        assert (await send(cloud, id, b"xyz", x_openstack_image_size="5")).status == 400
        await nothing_is_kept(cloud, id)
        assert (await send(cloud, id, b"x")).status == 204
        again = await send(cloud, id, b"y")
        assert again.status == 409
        assert "Image status transition from active to saving is not allowed" in again["message"]
        change = [{"op": "replace", "path": "/disk_format", "value": "qcow2"}]
        kind = {"content-type": "application/openstack-images-v2.1-json-patch"}
        fixed = await cloud.request("PATCH", f"{IMAGES}/{id}", change, headers=kind)
        assert fixed.status == 403 and "can be only replaced for a queued image" in fixed["message"]
        assert (await send(cloud, "nowhere", b"x")).status == 404

    converse(tmp_path, database, talk)


QEMU_IMG = shutil.which("qemu-img")


def _qemu_image(folder: Path, disk_format: str, *options: str) -> bytes:
    assert QEMU_IMG is not None
    path = folder / f"image.{disk_format}"
    subprocess.run([QEMU_IMG, "create", "-q", "-f", disk_format, *options, str(path), "4M"], check=True)
    return path.read_bytes()


@pytest.mark.skipif(QEMU_IMG is None, reason="qemu-img is not installed")
def test_content_is_what_it_is_said_to_be(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        folder = tmp_path / "made"
        folder.mkdir()
        (folder / "secret").write_bytes(bytes(4 << 20))
        made = {
            "qcow2": _qemu_image(folder, "qcow2"),
            "vmdk": _qemu_image(folder, "vmdk"),
            "vdi": _qemu_image(folder, "vdi"),
            "vhd": _qemu_image(folder, "vpc"),
            "vhdx": _qemu_image(folder, "vhdx"),
            "raw": b"\0" * 4096,
        }
        for said, content in made.items():
            id = await make(cloud, said)
            assert (await send(cloud, id, content)).status == 204, said
            size = (await show(cloud, id))["virtual_size"]
            assert size == 4096 if said == "raw" else size >= 4 << 20, said
            await cloud.request("DELETE", f"{IMAGES}/{id}")
        await asyncio.sleep(0.1)
        outside = ("-b", str(folder / "secret"), "-F", "raw")
        data_file = ("-o", f"data_file={folder / 'data'}")
        lies = {
            "raw as qcow2": ("qcow2", made["raw"]),
            "qcow2 as raw": ("raw", made["qcow2"]),
            "vmdk as qcow2": ("qcow2", made["vmdk"]),
            "qcow2 with a backing file": ("qcow2", _qemu_image(folder, "qcow2", *outside)),
            "qcow2 with a data file": ("qcow2", _qemu_image(folder, "qcow2", *data_file)),
            "vmdk with an extent outside": (
                "vmdk",
                _qemu_image(folder, "vmdk", "-o", "subformat=monolithicFlat"),
            ),
            "qcow2 cut off": ("qcow2", made["qcow2"][:60]),
            "nothing as qcow2": ("qcow2", b""),
        }
        for name, (said, content) in lies.items():
            id = await make(cloud, said)
            answer = await send(cloud, id, content)
            assert answer.status == 415, (name, answer)
            await nothing_is_kept(cloud, id)

    converse(tmp_path, database, talk)


def test_a_long_lie_is_read_to_its_end_and_not_kept(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        sent = 0

        def zeros() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(64):
                sent += 1 << 18
                yield bytes(1 << 18)

        id = await make(cloud, "qcow2")
        answer = await send(cloud, id, zeros())
        assert answer.status == 415
        assert "Image disk_format qcow2 does not match stream data raw" in answer["message"]
        assert sent == 16 << 20
        await nothing_is_kept(cloud, id)

    converse(tmp_path, database, talk)


def test_a_broken_stream_leaves_nothing(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        def broken() -> Iterator[bytes]:
            yield bytes(3 << 20)
            raise ConnectionError

        id = await make(cloud)
        assert (await send(cloud, id, broken())).status == 400
        await nothing_is_kept(cloud, id)
        assert (await send(cloud, id, broken(), where="stage")).status == 400
        await nothing_is_kept(cloud, id)
        assert (await send(cloud, id, b"whole")).status == 204

    converse(tmp_path, database, talk)


def test_of_two_uploads_at_once_the_second_is_refused(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)
        answers = await asyncio.gather(*(send(cloud, id, bytes([n]) * 1000) for n in range(4)))
        assert sorted(answer.status for answer in answers) == [204, 409, 409, 409]
        winner = next(n for n, answer in enumerate(answers) if answer.status == 204)
        assert (await read(cloud, id)).body == bytes([winner]) * 1000

    converse(tmp_path, database, talk)


def test_an_image_that_is_deleted_while_it_is_uploaded_stays_gone(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not arrived.is_set():
                arrived.set()
                return {"type": "http.request", "body": bytes(2 << 20), "more_body": True}
            await go_on.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        answer = asyncio.create_task(_put(cloud, id, receive))
        await arrived.wait()
        while (await show(cloud, id))["status"] != "saving":
            await asyncio.sleep(0)
        await cloud.app.reconcilers.once(reconcile.sweep)
        assert (await show(cloud, id))["status"] == "saving"
        assert (await cloud.request("DELETE", f"{IMAGES}/{id}")).status == 204
        go_on.set()
        assert await answer == 410
        await asyncio.sleep(0.1)
        assert files(cloud) == []

    converse(tmp_path, database, talk)


async def _put(cloud: Cloud, id: str, receive: Callable[[], Awaitable[dict[str, Any]]]) -> int:
    statuses: list[int] = []

    async def note(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    headers = {"content-type": "application/octet-stream", "x-auth-token": "member", "host": "cloud"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": f"{IMAGES}/{id}/file",
        "query_string": b"",
        "root_path": "",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
    }
    await cloud.app.root(scope, receive, note)
    return statuses[0]


def test_large_content_passes_in_constant_memory(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        chunk, count, got = bytes(1 << 18), 800, 0

        def count_bytes(data: bytes) -> None:
            nonlocal got
            got += len(data)

        id = await make(cloud)
        tracemalloc.start()
        try:
            assert (await send(cloud, id, (chunk for _ in range(count)))).status == 204
            url = f"http://cloud{IMAGES}/{id}/file"
            headers = {"x-auth-token": "member"}
            await asgi.request(cloud.app.root, "GET", url, headers=headers, sink=count_bytes)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert got == count << 18 == (await show(cloud, id))["size"]
        assert peak < 16 << 20, f"{peak} bytes at the peak"

    converse(tmp_path, database, talk)


def test_a_full_disk_is_told_and_nothing_is_kept(tmp_path: Path, database: str) -> None:
    with pytest.raises(TooLarge, match="Image storage media is full"), store.disk_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
    if not Path("/dev/full").exists():
        return

    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)

        def to_a_full_disk() -> Iterator[bytes]:
            """The file that is being written becomes a full device while it is empty."""
            yield bytes(1)
            part = next((cloud.app.settings.state / "images").glob("*.part"))
            descriptors = Path("/proc/self/fd")
            mine = next(d for d in descriptors.iterdir() if os.path.realpath(d) == str(part))
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, int(mine.name))
            os.close(full)
            yield bytes(4 << 20)

        answer = await send(cloud, id, to_a_full_disk())
        assert answer.status == 413, answer
        assert "Image storage media is full" in answer["message"]
        await nothing_is_kept(cloud, id)

    converse(tmp_path, database, talk)


def test_after_a_crash_dead_uploads_and_lost_files_are_swept(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)
        kept = await make(cloud)
        await send(cloud, kept, b"kept")
        state = cloud.app.settings.state

        def die(tx: Tx) -> None:
            image = tx.need(Image, id)
            long_ago = "2000-01-01T00:00:00.000000"
            tx.update(image, status="saving", upload_id="dead", upload_seen_at=long_ago)

        await cloud.app.db.transact(die)
        orphan = "99999999-2222-3333-4444-555555555555"
        for name in (f"images/{id}.dead.part", f"images/{id}", f"images/{orphan}", f"staging/{kept}"):
            (state / name).write_bytes(b"left")
        for name in (f"exchange/{orphan}", f"images/{kept}.old.part", "images/README"):
            (state / name).write_bytes(b"left")
        await cloud.app.reconcilers.once(reconcile.sweep)
        assert (await show(cloud, id))["status"] == "queued"
        assert files(cloud) == sorted(["README", kept])
        assert await cloud.app.db.read(content_is_accounted_for) == []
        assert (await read(cloud, kept)).body == b"kept"
        assert (await send(cloud, id, b"again")).status == 204

    converse(tmp_path, database, talk)


def test_a_deactivated_image_is_for_administrators(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud)
        early = await cloud.request("POST", f"{IMAGES}/{id}/actions/deactivate")
        assert (
            early.status == 403 and "Not allowed to deactivate image in status 'queued'" in early["message"]
        )
        await send(cloud, id, b"content")
        for _ in range(2):
            assert (await cloud.request("POST", f"{IMAGES}/{id}/actions/deactivate")).status == 204
        refused = await read(cloud, id)
        assert refused.status == 403 and "Image data download is forbidden." in refused["message"]
        assert (await read(cloud, id, token="admin")).body == b"content"
        for _ in range(2):
            assert (await cloud.request("POST", f"{IMAGES}/{id}/actions/reactivate")).status == 204
        assert (await read(cloud, id)).body == b"content"
        foreign = await cloud.request("POST", f"{IMAGES}/{id}/actions/deactivate", token="stranger")
        assert foreign.status == 404

    converse(tmp_path, database, talk)


def test_staged_content_is_imported(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud, "qcow2")
        path = f"{IMAGES}/{id}/import"
        early = await cloud.request("POST", path, GLANCE_DIRECT)
        assert early.status == 409 and "Image needs to be staged" in early["message"]
        assert (await send(cloud, id, empty_qcow2(1 << 30), where="stage")).status == 204
        staged = await show(cloud, id)
        assert (staged["status"], staged["size"]) == ("uploading", len(empty_qcow2(1 << 30)))
        assert (await send(cloud, id, b"x", where="stage")).status == 409
        assert (await send(cloud, id, b"x")).status == 409
        assert (await cloud.request("POST", path, GLANCE_DIRECT, token="stranger")).status == 404
        assert (await cloud.request("POST", path, GLANCE_DIRECT)).status == 202
        await cloud.settled()
        shown = await show(cloud, id)
        assert (shown["status"], shown["virtual_size"]) == ("active", 1 << 30)
        assert (await read(cloud, id)).body == empty_qcow2(1 << 30)
        assert files(cloud) == [id]
        assert (await cloud.request("POST", path, GLANCE_DIRECT)).status == 409

    converse(tmp_path, database, talk)


def test_an_import_of_a_lie_ends_where_it_began(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        id = await make(cloud, "qcow2")
        await send(cloud, id, b"no qcow2", where="stage")
        cases: list[tuple[Any, str]] = [
            (None, "Body expected in request."),
            ({}, "Import request requires a 'method' field."),
            ({"method": {}}, "Import request requires a 'name' field."),
            ({"method": {"name": "magic"}}, "Unknown import method name 'magic'."),
            (GLANCE_DIRECT | {"all_stores": 5}, "'all_stores' must be boolean value only"),
        ]
        for body, words in cases:
            answer = await cloud.request("POST", f"{IMAGES}/{id}/import", body)
            assert answer.status == 400 and words in answer["message"], answer
        assert (await cloud.request("POST", f"{IMAGES}/{id}/import", GLANCE_DIRECT)).status == 202
        await cloud.settled()
        await nothing_is_kept(cloud, id)

    converse(tmp_path, database, talk)


def test_a_host_hands_over_a_snapshot(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        app, images, source = cloud.app, cloud.app.contract(Images), cloud.app.contract(ImageSource)
        ctx = own_context(app, "glance")

        def begin(tx: Tx, name: str) -> str:
            return images.create(
                tx,
                ctx,
                name,
                {"base_image_ref": "b", "count": 1, "none": None, "min_disk": 1, "visibility": "private"},
            )

        id = await app.db.transact(begin, "snapshot")
        with pytest.raises(ValueError, match="no content"):
            await images.uploaded(ctx, id)
        images.upload_path(id).symlink_to("/etc/passwd")
        with pytest.raises(ValueError, match="cannot be read"):
            await images.uploaded(ctx, id)
        images.upload_path(id).unlink(missing_ok=True)
        assert await source.path(id) is None
        images.upload_path(id).write_bytes(empty_qcow2(1 << 30))
        await images.uploaded(ctx, id)
        await images.uploaded(ctx, id)
        path = await source.path(id)
        assert path is not None and Path(path).read_bytes() == empty_qcow2(1 << 30)
        assert files(cloud) == [id]
        info = await app.db.read(images.image, ctx, id)
        assert (
            info is not None
            and info.properties == {"base_image_ref": "b", "count": "1"}
            and info.min_disk == 1
        )
        other = await app.db.transact(begin, "lost")
        images.upload_path(other).write_bytes(b"half")
        await app.db.transact(images.abandon, ctx, other)
        await app.db.transact(images.abandon, ctx, other)
        await app.db.transact(images.abandon, ctx, id)
        await asyncio.sleep(0.1)
        assert files(cloud) == [id]
        assert await app.db.read(images.image, ctx, other) is None

    converse(tmp_path, database, talk)


def test_the_image_of_devstack_is_there_once(tmp_path: Path, database: str) -> None:
    async def talk(cloud: Cloud) -> None:
        given = tmp_path / "guest.qcow2"
        given.write_bytes(empty_qcow2(1 << 25))
        await add_guest_image(cloud.app, given)
        await add_guest_image(cloud.app, None)
        answer = await cloud.request("GET", f"{IMAGES}?name={NAME}", token="stranger")
        (image,) = answer["images"]
        assert (image["status"], image["visibility"], image["virtual_size"]) == ("active", "public", 1 << 25)
        assert given.exists()

    converse(tmp_path, database, talk)


# -- torment --------------------------------------------------------------------------------------------


async def ask_for_an_import(cloud: Cloud) -> str:
    cloud.token = "member"
    id = await make(cloud, "qcow2")
    await send(cloud, id, empty_qcow2(1 << 20), where="stage")
    assert (await cloud.request("POST", f"{IMAGES}/{id}/import", GLANCE_DIRECT)).status == 202
    return id


async def active_or_queued(cloud: Cloud, id: str) -> None:
    """Active with its content, or queued without; and it can be deleted."""
    await cloud.app.reconcilers.once(reconcile.sweep)
    shown = await show(cloud, id)
    assert (shown["status"], files(cloud)) in (("active", [id]), ("queued", [])), shown
    assert (await cloud.request("DELETE", f"{IMAGES}/{id}")).status == 204
    for _ in range(100):
        await asyncio.sleep(0.01)
        if not files(cloud):
            return
    raise AssertionError(files(cloud))


test_import_image = torment(
    import_image, [people(), GLANCE], begin=ask_for_an_import, check=active_or_queued, hosts=0
)
