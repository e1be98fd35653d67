# SPDX-License-Identifier: Apache-2.0
"""How soon a new cloud gives its first token, and how much memory it takes before and after."""

import statistics
import time

from lab.cloud import new_cloud

from bench_lib.processes import cpu_seconds, resident_mib
from bench_lib.reference import FOOTPRINT, START_SECONDS
from bench_lib.table import Table

RUNS = 5


def measure() -> bool:
    """Print the medians of some starts with new state folders, after one that warms the machine's caches."""
    runs = [_once() for _ in range(RUNS + 1)][1:]
    seconds, cpu, then = (statistics.median(values) for values in zip(*runs, strict=True))
    with new_cloud() as cloud:
        cloud.start()
        cloud.await_ready()
        ready = resident_mib(cloud.pid)
    table = Table("start (medians of 5)", "Cumulet", "reference", "ratio")
    table.compare("first token, s", seconds, START_SECONDS)
    table.row("CPU until then, s", f"{cpu:.2f}", "", "")
    table.compare("resident after start, MiB", ready, FOOTPRINT)
    table.compare("resident after the first login, MiB", then, FOOTPRINT)
    table.print()
    return True


def _once() -> tuple[float, float, float]:
    """Seconds to the first token, CPU seconds and resident MiB at that moment."""
    with new_cloud() as cloud:
        began = time.perf_counter()
        cloud.start()
        cloud.await_token()
        return time.perf_counter() - began, cpu_seconds(cloud.pid), resident_mib(cloud.pid)
