# SPDX-License-Identifier: Apache-2.0
"""The score is honest: docs/conformance.md follows from the last runs, and every reason is needed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conformance_lib import page, records
from conformance_lib.known import FOLDER, Known, Reason, sort, stale
from conformance_lib.pool import WORKER, Outcome
from conformance_lib.records import Record
from conformance_lib.report import judge
from conformance_lib.services import why_not
from conformance_lib.suites import SMOKE, SUITES, lines

SCRIPTS = Path(page.__file__).parents[1]
RECORDS = records.load_all()
SUITE = """
import unittest

class Unprepared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("not here")

    def test_a(self):
        pass

    def test_b(self):
        pass

class Mixed(unittest.TestCase):
    def test_good(self):
        print("noise")

    def test_bad(self):
        self.assertEqual("req-00000000-1111-2222-3333-444444444444", "")
"""


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.suite)
def test_every_failure_and_every_skip_of_the_last_run_has_a_reason(record: Record) -> None:
    known = Known.of(record.suite)
    assert sort(known.failures, record.failed)[1] == []
    assert sort(known.skips, record.skipped)[1] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.suite)
def test_every_reason_was_needed_in_the_last_run(record: Record) -> None:
    known = Known.of(record.suite)
    assert stale(known.failures, record.failed) == []
    assert stale(known.skips, record.skipped) == []


def test_there_are_reasons_only_for_suites_that_were_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} <= {record.suite for record in RECORDS}


def test_the_page_says_what_the_records_say() -> None:
    assert page.PAGE.read_text() == page.text(), "scripts/conformance --record writes the page anew."


def test_every_suite_has_a_line_on_the_page() -> None:
    page_text = page.text()
    for name in SUITES:
        assert f"\n| {name} | " in page_text or f"\n- {name} (" in page_text


def test_a_suite_whose_service_is_not_there_is_refused_in_one_sentence() -> None:
    suite = replace(SMOKE, name="hovering", service="hover")
    assert why_not(SMOKE) is None
    assert why_not(suite) == "Its service, hover, is not there yet."


def test_the_suites_are_listed_by_a_python_that_has_nothing_installed() -> None:
    listed = subprocess.run(
        [sys.executable, "-S", "-m", "conformance_lib.suites"],
        env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert listed.stdout.splitlines() == lines()
    assert listed.stdout.startswith("smoke            tempest 47.")


def test_a_failure_that_is_not_known_and_a_reason_that_is_not_needed_are_both_wrong() -> None:
    known = Known(failures=(Reason(text="old", tests=("gone.*",)),))
    outcomes = [Outcome(test="a.b[id-1,smoke]", status="failed"), Outcome(test="a.c", status="passed")]
    verdict = judge(outcomes, known, whole=True)
    assert [one.name for one in verdict.unexpected] == ["a.b"]
    assert (verdict.stale, verdict.totals.wrong) == (["gone.*"], 2)
    assert verdict.totals.sentence == "1 passed, 1 failed, 0 skipped"
    assert judge(outcomes, known, whole=False).stale == []


def test_a_class_that_is_skipped_counts_with_each_of_its_tests(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    tests = [f"test_it.{name}" for name in ("Unprepared.test_a", "Unprepared.test_b")]
    tests += [f"test_it.{name}" for name in ("Mixed.test_good", "Mixed.test_bad")]
    job = json.dumps({"module": "test_it", "tests": tests})
    ran = subprocess.run(
        [sys.executable, WORKER, "run"],
        input=f"{job}\n", env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *rows, done = [json.loads(line) for line in ran.stdout.splitlines()]
    assert done == {"done": True}
    assert sorted((row["test"], row["status"]) for row in rows) == [
        ("test_it.Mixed.test_bad", "failed"),
        ("test_it.Mixed.test_good", "passed"),
        ("test_it.Unprepared.test_a", "skipped"),
        ("test_it.Unprepared.test_b", "skipped"),
    ]
    (bad,) = [row for row in rows if row["status"] == "failed"]
    assert bad["requests"] == ["req-00000000-1111-2222-3333-444444444444"]
