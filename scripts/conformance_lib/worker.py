# SPDX-License-Identifier: Apache-2.0
"""Runs tests in the suites' own Python, which has nothing of ours: this imports the standard library only.

`worker.py list PACKAGE...` writes a line of JSON for each test there is. `worker.py run` reads jobs from its
input, a line of JSON each, and writes a line for each test that ended and one when the job has.
"""

import json
import os
import re
import sys
import time
import traceback
import unittest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

_REQUEST = re.compile(
    r"Request \((.*?)\): (\d+) (\w+) (\S+).*?\n(?:.*?Response - Headers: (\{.*?\}\n))?", re.DOTALL
)
_ID = re.compile(r"req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLASS = re.compile(r"(setUpClass|tearDownClass) \((.*)\)")
_SHOWN_REQUESTS = 6
_LONGEST = 40_000


class Reporter(unittest.TestResult):
    """Writes what became of each test.

    unittest reports what happens in setUpClass once for the whole class; here each test of it is told.
    """

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self.out = out
        self.told: set[str] = set()
        self.classes: dict[str, dict[str, Any]] = {}
        self._began = 0.0
        self._outcome: dict[str, Any] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        self._began, self._outcome = time.monotonic(), {}

    def stopTest(self, test: unittest.TestCase) -> None:
        self.tell(test.id(), {"status": "passed", **self._outcome}, time.monotonic() - self._began)

    def tell(self, test: str, outcome: dict[str, Any], seconds: float = 0.0) -> None:
        self.told.add(test)
        self.out.write(json.dumps({"test": test, "seconds": round(seconds, 2), **outcome}) + "\n")
        self.out.flush()

    def addError(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._note(test, {"status": "failed", **_why(err, details)})

    addFailure = addError

    def addSkip(self, test: Any, reason: str | None = None, details: Any = None) -> None:
        if details and "reason" in details:
            reason = details["reason"].as_text()
        self._note(test, {"status": "skipped", "why": reason or ""})

    def addSuccess(self, test: Any, details: Any = None) -> None:
        pass

    def addExpectedFailure(self, test: Any, err: Any = None, details: Any = None) -> None:
        pass

    def addUnexpectedSuccess(self, test: Any, details: Any = None) -> None:
        self._note(test, {"status": "failed", "why": "it was expected to fail, and passed"})

    def _note(self, test: Any, outcome: dict[str, Any]) -> None:
        """The first trouble of a test counts; what follows mostly follows from it."""
        if found := _CLASS.match(str(test)):
            if found[1] == "setUpClass":
                self.classes[found[2]] = outcome
            else:
                self.tell(f"{found[2]}.tearDownClass", outcome)
        elif not self._outcome:
            self._outcome = outcome


def _why(err: Any, details: Any) -> dict[str, Any]:
    """The traceback, and the last requests with their ids as far as they are known."""
    log, text = "", ""
    for name, content in (details or {}).items():
        if name.startswith("traceback"):
            text = text or content.as_text()
        elif "logging" in name:
            log += content.as_text()
    if err is not None:
        text = "".join(traceback.format_exception(*err))
        answer = getattr(err[1], "resp", None)
        text += f"\n{answer}" if answer else ""
    requests = []
    for caller, status, method, url, headers in _REQUEST.findall(log):
        if caller.endswith(":_run_cleanups"):
            continue  # by then it has failed
        ids = _ID.findall(headers)
        requests.append(f"{status} {method} {url} {ids[0] if ids else ''}".strip())
    requests = requests[-_SHOWN_REQUESTS:] or sorted(set(_ID.findall(text)))
    return {"why": text[-_LONGEST:], "requests": requests}


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flat(item)
        else:
            yield item


def _find(package: str) -> Iterator[tuple[str, unittest.TestCase]]:
    """Every test below a package or in a module, with its module."""
    found = import_module(package)
    if hasattr(found, "__path__"):
        folder = Path(found.__path__[0])
        top = folder.parents[package.count(".")]
        suite: Any = unittest.TestLoader().discover(str(folder), "test*.py", str(top))
    else:
        suite = unittest.TestLoader().loadTestsFromModule(found)
    for test in _flat(suite):
        yield type(test).__module__, test


def list_tests(out: TextIO, packages: list[str]) -> None:
    for package in packages:
        for module, test in _find(package):
            case = type(test)
            out.write(json.dumps({"test": test.id(), "module": module, "class": case.__qualname__}) + "\n")


def run_jobs(jobs: TextIO, out: TextIO) -> None:
    for line in jobs:
        job = json.loads(line)
        wanted = set(job["tests"])
        cases = [test for _, test in _find(job["module"]) if test.id() in wanted]
        reporter = Reporter(out)
        unittest.TestSuite(cases).run(reporter)
        for test in cases:
            if test.id() not in reporter.told:
                name = f"{type(test).__module__}.{type(test).__qualname__}"
                reporter.tell(
                    test.id(), reporter.classes.get(name, {"status": "failed", "why": "it did not run"})
                )
        out.write('{"done": true}\n')
        out.flush()


def main() -> None:
    out, jobs = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(0))
    os.dup2(2, 1)  # what tests print is no report
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # and what they read is no job
    if sys.argv[1] == "list":
        list_tests(out, sys.argv[2:])
    else:
        run_jobs(jobs, out)
    out.close()


if __name__ == "__main__":
    main()
