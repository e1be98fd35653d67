# SPDX-License-Identifier: Apache-2.0
"""Stories: what becomes part of one, and the store when it cannot be written."""

import asyncio
from pathlib import Path

import msgspec

from cumulet.kernel.bus import Generation, Report, Took
from cumulet.kernel.trace import Span, Traces
from cumulet.services.cinder.service import SERVICE as CINDER
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people


def test_traces_go_on_after_the_disk_was_full(tmp_path: Path) -> None:
    traces = Traces(tmp_path / "traces.db")
    pages = traces._connection.execute("PRAGMA page_count").fetchone()[0]
    traces._connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        traces.keep(Span("lost", "request", f"{number} {'x' * 200}", 0.0))
    traces.flush()
    traces._connection.execute("PRAGMA max_page_count = 100000")

    traces.keep(Span("kept", "request", "POST", 0.0))

    assert [[span.name for span in spans] for spans in traces.stories("kept")] == [["POST"]]
    assert traces.stories("lost") == []
    traces.close()


VOLUMES = "/volume/v3/volumes"


async def asked(cloud: Cloud, method: str, path: str, body: object = None) -> tuple[str, str]:
    """A request that is done, with all that it started: its id, and that of the volume."""
    answer = await cloud.request(method, path, body, token="member")
    assert answer.status < 300, answer
    await cloud.settled()
    await cloud.rest()
    id = answer["volume"]["id"] if method == "POST" else path.rpartition("/")[2]
    return answer.headers["x-openstack-request-id"], id


def host_spans(cloud: Cloud, id: str) -> list[Span]:
    return [span for story in cloud.app.traces.stories(id) for span in story if span.kind == "host"]


def test_what_a_host_made_true_is_part_of_the_story_of_who_wanted_it(tmp_path: Path) -> None:
    async def talk() -> None:
        async with Cloud.running(tmp_path, [people(), CINDER]) as cloud:
            made, id = await asked(cloud, "POST", VOLUMES, {"volume": {"size": 1}})
            [span] = host_spans(cloud, made)
            assert (span.name, span.status) == (f"host-1 volume {id} made true", "ok")
            [story] = cloud.app.traces.stories(made)
            [begun] = [part for part in story if part.name == "volume.create/1 place"]
            assert begun.started < span.started
            assert 0 < span.ms < 60_000
            gone, _ = await asked(cloud, "DELETE", f"{VOLUMES}/{id}")
            assert [span.name for span in host_spans(cloud, gone)] == [f"host-1 volume {id} removed"]
            assert len(host_spans(cloud, id)) == 2, "both are found by the volume's id too"

    asyncio.run(talk())


def test_what_a_host_could_not_make_true_says_why(tmp_path: Path) -> None:
    async def talk() -> None:
        async with Cloud.running(tmp_path, [people(), CINDER]) as cloud:
            cloud.worlds["host-1"].faults.refuse("volume")
            made, id = await asked(cloud, "POST", VOLUMES, {"volume": {"size": 1}})
            failed = [span for span in host_spans(cloud, made) if span.status == "failed"]
            assert failed[0].name == f"host-1 volume {id} not made true"
            assert failed[0].message

    asyncio.run(talk())


def test_a_host_that_starts_again_adds_nothing_to_old_stories(tmp_path: Path) -> None:
    async def talk() -> None:
        async with Cloud.running(tmp_path, [people(), CINDER]) as cloud:
            made, _ = await asked(cloud, "POST", VOLUMES, {"volume": {"size": 1}})
            await cloud.agents["host-1"].stop()
            await cloud.add_host("host-1")
            await cloud.rest()
            assert len(host_spans(cloud, made)) == 1

    asyncio.run(talk())


def test_agents_and_control_processes_of_either_age_understand_one_another() -> None:
    class Older(msgspec.Struct, frozen=True, kw_only=True):
        """A report as it was before it said how long something took."""

        kind: str
        id: str
        generation: Generation
        state: dict[str, str] | None = None
        error: str | None = None
        retrying: bool = False

    generation = Generation(1, 2)
    new = Report(kind="volume", id="v", generation=generation, state={}, took=Took("req-1", 1.5, 20.0))
    old = Older(kind="volume", id="v", generation=generation, state={})

    assert msgspec.json.decode(msgspec.json.encode(new), type=Older) == old
    assert msgspec.json.decode(msgspec.json.encode(old), type=Report) == msgspec.structs.replace(
        new, took=None
    )
