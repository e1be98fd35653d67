# SPDX-License-Identifier: Apache-2.0
"""The store of traces when it cannot be written."""

from pathlib import Path

from cumulet.kernel.trace import Span, Traces


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
