# SPDX-License-Identifier: Apache-2.0
"""The CPU that each request costs, under a load script that measured the reference with the same requests."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.cloud import PASSWORD, Cloud, new_cloud

from bench_lib.client import Client
from bench_lib.reference import CPU_MS, WANTED_RATIO, is_exempt
from bench_lib.table import Table

SCRIPT = Path(__file__).parents[3] / "shared/bench/load.py"
CASES = ("identity", "image", "network", "compute_boot", "compute_list", "volume", "placement")

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
"""What CPU time is counted in: less than this cannot be told of all requests of a case together."""


def measure(cases: Sequence[str], seconds: float) -> bool:
    """Print a line for each case; False when one costs more than it may."""
    if not SCRIPT.exists():
        print(f"The load script is not there ({SCRIPT}); requests are not measured.")
        return True
    with new_cloud("--hosts", "20") as cloud, tempfile.TemporaryDirectory() as folder:
        cloud.start()
        cloud.await_token()
        asyncio.run(_lift_quotas(cloud))
        out = Path(folder) / "results"
        _run_load(cloud, out, cases or CASES, seconds)
        results = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    return _report(results)


async def _lift_quotas(cloud: Cloud) -> None:
    client = Client(cloud.url)
    await client.log_in()
    await client.lift_quotas()
    await client.close()


def _run_load(cloud: Cloud, out: Path, cases: Sequence[str], seconds: float) -> None:
    groups = out.with_name("groups")
    groups.write_text(json.dumps({"cumulet": [cloud.pid]}))
    environment = {
        **os.environ,
        "OS_AUTH_URL": f"{cloud.url}/identity/v3",
        "OS_USERNAME": "admin",
        "OS_PASSWORD": PASSWORD,
        "OS_PROJECT_NAME": "admin",
    }
    command = [sys.executable, str(SCRIPT), "--groups", str(groups), "--out", str(out)]
    command += ["--seconds", str(seconds), *cases]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


def _report(results: Sequence[dict[str, Any]]) -> bool:
    table = Table("case", "at once", "req/s", "p50 ms", "CPU ms", "reference", "ratio", "")
    good = bool(results)
    for result in results:
        case, at_once = result["case"], result["conc"]
        cpu = max(result["cpu_ms_per_req"], _TICK_MS / result["n"])
        known = CPU_MS.get((case, at_once))
        ratio = known / cpu if known else None
        slow = ratio is not None and ratio < WANTED_RATIO and not is_exempt(case)
        remark = f"below {WANTED_RATIO:.0f}x" if slow else ""
        remark = f"{result['errors']} errors" if result["errors"] else remark
        good = good and not remark
        table.row(
            case,
            str(at_once),
            str(result["rps"]),
            str(result["p50_ms"]),
            f"{cpu:.2f}",
            f"{known:g}" if known else "",
            f"{ratio:.0f}x" if ratio else "",
            remark,
        )
    table.print()
    return good
