# SPDX-License-Identifier: Apache-2.0
"""Allocation candidates: who could take a request, as each version tells it."""

from pathlib import Path

from tests.conversations.placement_talk import Talk, named, talk

VCPU_2 = "resources=VCPU:2"


def test_candidates_can_be_sent_back_to_be_allocated(tmp_path: Path, database: str) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=4, DISK_GB=10)
        await say.describe(host, traits=["CUSTOM_GOLD"])
        query = "/allocation_candidates?resources=VCPU:2,DISK_GB:5"
        found = await say.done("GET", query)
        [request] = found["allocation_requests"]
        assert request == {
            "allocations": {host: {"resources": {"VCPU": 2, "DISK_GB": 5}}},
            "mappings": {"": [host]},
        }
        summary = {"traits": ["CUSTOM_GOLD"], "parent_provider_uuid": None, "root_provider_uuid": host}
        resources = {"VCPU": {"capacity": 4, "used": 0}, "DISK_GB": {"capacity": 10, "used": 0}}
        assert found["provider_summaries"] == {host: {"resources": resources, **summary}}
        owner = {"project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE"}
        assert (await say.ask("PUT", f"/allocations/{named('a')}", {**request, **owner})).status == 204
        assert (await say.ask("PUT", f"/allocations/{named('b')}", {**request, **owner})).status == 204
        assert await say.done("GET", query) == {"allocation_requests": [], "provider_summaries": {}}

    talk(tmp_path, conversation, database)


def test_old_versions_list_what_they_allocate(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", VCPU=4, DISK_GB=10)
        old = await say.done("GET", f"/allocation_candidates?{VCPU_2}", version="1.10")
        taken = {"resource_provider": {"uuid": host}, "resources": {"VCPU": 2}}
        assert old == {
            "allocation_requests": [{"allocations": [taken]}],
            "provider_summaries": {host: {"resources": {"VCPU": {"capacity": 4, "used": 0}}}},
        }
        assert (await say.ask("GET", f"/allocation_candidates?{VCPU_2}", version="1.9")).status == 404

    talk(tmp_path, conversation)


def test_a_tree_serves_a_request_together(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        host = await say.provider("host", DISK_GB=10)
        numa = [await say.provider(f"numa-{n}", host, VCPU=4) for n in (0, 1)]
        nics = [await say.provider(f"nic-{n}", numa[n], SRIOV_NET_VF=2) for n in (0, 1)]
        both = "resources=DISK_GB:5,VCPU:2"
        assert len(await say.candidates(both)) == 2
        assert await say.candidates(both, version="1.28") == set()
        groups = "resources_cpu=VCPU:2&resources_nic=SRIOV_NET_VF:1&group_policy=none"
        assert len(await say.candidates(groups)) == 4
        near = await say.candidates(f"{groups}&same_subtree=_cpu,_nic")
        assert near == {tuple(sorted([(numa[n], "VCPU", 2), (nics[n], "SRIOV_NET_VF", 1)])) for n in (0, 1)}
        assert len(await say.candidates(f"{VCPU_2}&in_tree={nics[0]}")) == 2
        two = "resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1&group_policy="
        assert len(await say.candidates(two + "isolate")) == 1
        assert len(await say.candidates(two + "none")) == 3
        assert len(await say.candidates(two + "none&limit=2")) == 2

    talk(tmp_path, conversation)


def test_who_shares_serves_all_of_its_aggregate(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        pool = await say.provider("pool", DISK_GB=100)
        hosts = [await say.provider(f"host-{n}", VCPU=4) for n in (0, 1)]
        await say.describe(pool, traits=["MISC_SHARES_VIA_AGGREGATE"], aggregates=[named("rack")])
        await say.describe(hosts[0], aggregates=[named("rack")])
        taken = {tuple(sorted([(pool, "DISK_GB", 5), (hosts[0], "VCPU", 2)]))}
        assert await say.candidates("resources=VCPU:2,DISK_GB:5") == taken

    talk(tmp_path, conversation)


def test_traits_and_aggregates_choose(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        fast, slow = await say.provider("fast", VCPU=4), await say.provider("slow", VCPU=4)
        await say.describe(fast, traits=["STORAGE_DISK_SSD", "CUSTOM_FAST"], aggregates=[named("a")])
        await say.describe(slow, traits=["STORAGE_DISK_HDD"], aggregates=[named("b")])
        only_fast, only_slow = {((fast, "VCPU", 2),)}, {((slow, "VCPU", 2),)}
        for condition, expected in (
            ("required=CUSTOM_FAST", only_fast),
            ("required=!CUSTOM_FAST", only_slow),
            ("required=in:STORAGE_DISK_HDD,STORAGE_DISK_SSD", only_fast | only_slow),
            ("required=in:STORAGE_DISK_HDD,STORAGE_DISK_SSD&required=!CUSTOM_FAST", only_slow),
            (f"member_of={named('a')}", only_fast),
            (f"member_of=in:{named('a')},{named('b')}", only_fast | only_slow),
            (f"member_of=!in:{named('a')},{named('c')}", only_slow),
            ("root_required=STORAGE_DISK_SSD", only_fast),
            ("root_required=!STORAGE_DISK_SSD", only_slow),
            (f"in_tree={slow}", only_slow),
            (f"in_tree={named('nobody')}", set()),
        ):
            assert await say.candidates(f"{VCPU_2}&{condition}") == expected, condition

    talk(tmp_path, conversation)


def test_queries_that_make_no_sense_get_upstreams_words(tmp_path: Path) -> None:
    async def conversation(say: Talk) -> None:
        two = "resources1=VCPU:1&resources2=VCPU:1"
        avx, root = "HW_CPU_X86_AVX", "root_required"
        unexpected = "Additional properties are not allowed"
        for query, version, code, words in (
            ("", "1.10", "", "'resources' is a required property"),
            ("resources=", "1.39", "undefined_code", "Got: empty string."),
            ("resources=VCPU:x", "1.39", "undefined_code", "expected positive integer amount. Got: x."),
            ("resources=VCPU:0", "1.39", "undefined_code", "requires amount >= 1. Got: 0."),
            ("resources=TEA:1", "1.39", "undefined_code", "No such resource class TEA."),
            (f"{VCPU_2}&required=TEA", "1.39", "undefined_code", "No such trait(s): TEA."),
            (f"{VCPU_2}&required={avx},!{avx}", "1.39", "undefined_code", "Conflicting required and"),
            (f"{VCPU_2}&limit=0", "1.39", "undefined_code", "'0' does not match '^[1-9][0-9]*$'"),
            (f"{VCPU_2}&tea=1", "1.39", "undefined_code", "does not match any of the regexes"),
            (f"{VCPU_2}&limit=1", "1.15", "", unexpected),
            (two, "1.25", "undefined_code", 'The "group_policy" parameter is required'),
            (f"required1={avx}", "1.25", "undefined_code", "orphaned traits keys: required1"),
            (f"required_a={avx}", "1.36", "query.missing_value", "There must be at least one"),
            (f"{VCPU_2}&required_a={avx}", "1.36", "query.bad_value", "bad group(s) - ['_a']"),
            (f"{VCPU_2}&same_subtree=_b", "1.36", "query.bad_value", "['_b'] not found in ['']"),
            (f"{VCPU_2}&{root}=A&{root}=B", "1.35", "query.duplicate_key", "may be specified only once"),
        ):  # fmt: skip
            refused = await say.ask("GET", f"/allocation_candidates?{query}", version=version)
            [error] = refused["errors"]
            assert (refused.status, words in error["detail"]) == (400, True), (query, error)
            assert error.get("code", "") == (f"placement.{code}" if code else "")

    talk(tmp_path, conversation)
