# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody thought of, as many as are asked for; the test of them says what is looked for."""

import math
import os
import random
import subprocess
import sys

from cumulet.main import openapi

TEST = "tests/conversations/test_schemathesis.py::test_no_request_is_too_strange_to_be_answered"


def measure(service: str, count: int, seed: int | None) -> bool:
    """Send about `count` requests, spread over every operation; whether each was answered well."""
    paths = openapi(service)["paths"]
    assert isinstance(paths, dict)
    operations = sum(len(item.keys() - {"parameters"}) for item in paths.values())
    chosen = random.randrange(10**6) if seed is None else seed
    print(f"{service}: {count} requests over {operations} operations; again with --seed {chosen}")
    asked = {
        "CUMULET_FUZZ_EXAMPLES": str(math.ceil(count / operations)),
        "CUMULET_FUZZ_SEED": str(chosen),
    }
    run = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"{TEST}[{service}]"]
    return subprocess.run(run, env={**os.environ, **asked}, check=False).returncode == 0
