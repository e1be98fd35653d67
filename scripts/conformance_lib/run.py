# SPDX-License-Identifier: Apache-2.0
"""One suite against one new cloud."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path

from lab.cloud import Cloud, new_cloud

from conformance_lib import ground, tempest_conf
from conformance_lib.image_server import serving
from conformance_lib.pool import Outcome, Pool, Test, plain
from conformance_lib.suites import Part, Suite

_TEST_TIMEOUT = "300"
"""Seconds after which a test is given up."""


@contextmanager
def pool(suite: Suite, told: Callable[[Outcome], None] = lambda outcome: None) -> Iterator[Pool]:
    """Where tests run: a folder of their own, which goes with the block, and the suites' `openstack`."""
    folder = Path(tempfile.mkdtemp(prefix="cml-conformance-"))
    home = folder / "home"
    (home / ".config/openstack").mkdir(parents=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
    environ |= {
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parent),
        "PATH": f"{suite.python.parent}:{environ['PATH']}",
        "TEMPEST_CONFIG_DIR": str(folder),
        "TEMPEST_CONFIG": "tempest.conf",
        "OS_TEST_TIMEOUT": _TEST_TIMEOUT,
    }
    try:
        yield Pool(python=suite.python, environ=environ, folder=folder, told=told)
    finally:
        shutil.rmtree(folder)


def tests_of(pool: Pool, part: Part, pattern: str | None) -> list[Test]:
    """The tests of a part, all or those whose names have the pattern in them."""
    wanted = None if pattern is None else pattern if "*" in pattern else f"*{pattern}*"
    found = [test for test in pool.find(part.packages) if part.has(plain(test.id))]
    return [test for test in found if wanted is None or fnmatch(plain(test.id), wanted)]


@contextmanager
def running(
    suite: Suite, told: Callable[[Outcome], None], pattern: str | None, *, real: bool
) -> Iterator[tuple[Cloud, list[Outcome]]]:
    """What became of each test, and the cloud, which lives on for questions until the block ends."""
    options = ("--devstack", *suite.cloud, *(() if real else ("--hosts", "2")))
    with pool(suite, told) as ran, new_cloud(*options, simulate=not real) as cloud:
        cloud.write_settings("keystone", tempest_conf.COMPLIANCE)
        cloud.write_settings("swift", tempest_conf.SIGNATURES)
        cloud.start()
        cloud.await_ready()
        stood = ground.prepare(cloud, ran.folder)
        home = Path(ran.environ["HOME"])
        shutil.copy(cloud.place.clouds, home / ".config/openstack/clouds.yaml")
        outcomes = []
        with serving(ran.folder) as images:
            usual = tempest_conf.options(stood, images, validate=real)
            for part in suite.parts:
                tempest_conf.write(ran.folder / "tempest.conf", usual, part.options)
                outcomes += ran.run(tests_of(ran, part, pattern), part.workers)
        _keep(suite, outcomes)
        yield cloud, outcomes


def _keep(suite: Suite, outcomes: list[Outcome]) -> None:
    """All that is known of the last run, for who looks closer: a line of JSON for each test."""
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in outcomes)
    (suite.python.parents[2] / f"conformance-{suite.name}.jsonl").write_text("".join(lines))
