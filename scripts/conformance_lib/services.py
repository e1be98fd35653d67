# SPDX-License-Identifier: Apache-2.0
"""Which suites cannot be run, because what they judge is not there yet."""

from conformance_lib.suites import Suite
from cumulet import main


def why_not(suite: Suite) -> str | None:
    """A sentence that says what a suite misses; nothing if it can be run."""
    if suite.service in {manifest.name for manifest in main.services()}:
        return None
    return f"Its service, {suite.service}, is not there yet."
