# SPDX-License-Identifier: Apache-2.0
"""Processes of the suites' Python, which share the classes of tests among them."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

WORKER = Path(__file__).with_name("worker.py")
LONGEST_SILENCE = 900.0
"""Seconds without a report after which a worker is taken for hung: a test, with what its class prepares."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """A test and where it is defined."""

    id: str
    module: str
    class_name: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a test: passed, failed or skipped; why, and the requests that it made last."""

    test: str
    status: str
    seconds: float = 0.0
    why: str = ""
    requests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The id without the tags that tempest writes behind it."""
        return plain(self.test)


def plain(test_id: str) -> str:
    name, bracket, rest = test_id.partition("[")
    return name if not bracket else name + rest.partition("]")[2]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How tests are run: the suites' Python, its variables, the folder that it works in."""

    python: Path
    environ: Mapping[str, str]
    folder: Path
    told: Callable[[Outcome], None] = field(default=lambda outcome: None)

    def find(self, packages: Sequence[str]) -> list[Test]:
        """Every test of these packages."""
        answer = subprocess.run(
            [self.python, "-P", WORKER, "list", *packages],
            env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if answer.returncode != 0:
            raise RuntimeError(f"The suite does not load: {answer.stderr[-3000:]}")
        rows = [json.loads(line) for line in answer.stdout.splitlines()]
        return [Test(id=row["test"], module=row["module"], class_name=row["class"]) for row in rows]

    def run(self, tests: Sequence[Test], workers: int) -> list[Outcome]:
        """What became of each test, in the order in which they ended."""
        jobs: dict[tuple[str, str], list[str]] = {}
        for test in tests:
            jobs.setdefault((test.module, test.class_name), []).append(test.id)
        queue: SimpleQueue[tuple[str, list[str]]] = SimpleQueue()
        for (module, _), ids in sorted(jobs.items(), key=lambda job: -len(job[1])):
            queue.put((module, ids))
        found: list[Outcome] = []
        threads = [threading.Thread(target=self._work, args=(queue, found)) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def _work(self, queue: "SimpleQueue[tuple[str, list[str]]]", found: list[Outcome]) -> None:
        process = None
        while True:
            try:
                module, ids = queue.get_nowait()
            except Empty:
                break
            if process is None or process.poll() is not None:
                process = self._start()
            missing = set(ids)
            for outcome in _answers(process, module, ids):
                missing.discard(outcome.test)
                found.append(outcome)
                self.told(outcome)
            for test in missing:
                lost = Outcome(test=test, status="failed", why="The process that ran it ended or hung.")
                found.append(lost)
                self.told(lost)
        if process is not None:
            process.communicate()

    def _start(self) -> "subprocess.Popen[str]":
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [self.python, "-P", WORKER, "run"],
                env=self.environ, cwd=self.folder,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip


def _answers(process: "subprocess.Popen[str]", module: str, ids: list[str]) -> Iterator[Outcome]:
    """The outcomes that a worker reports of a job, until it is done, ends or falls silent."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps({"module": module, "tests": ids}) + "\n")
        process.stdin.flush()
    while True:
        timer = threading.Timer(LONGEST_SILENCE, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            process.wait()
            return
        row = json.loads(line)
        if "done" in row:
            return
        row["requests"] = tuple(row.get("requests", ()))
        yield Outcome(**row)
