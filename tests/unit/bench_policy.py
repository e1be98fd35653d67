# SPDX-License-Identifier: Apache-2.0
"""What one policy question costs: `python tests/unit/bench_policy.py`."""

import timeit

from cumulet.kernel.auth.policy import Policy, Rule

CREDS = {
    "user_id": "u1",
    "project_id": "p1",
    "domain_id": None,
    "system_scope": None,
    "roles": ["member", "reader"],
}
QUESTIONS = {
    "a role that the caller has": "role:reader",
    "a role that the caller lacks": "role:admin",
    "reader of the project, or admin": "rule:reader or rule:admin",
    "six alternatives, the last one holds": " or ".join(["role:admin"] * 5 + ["rule:reader"]),
}


def measure(rounds: int = 200_000) -> dict[str, float]:
    """Microseconds a question, the best of five runs."""
    helpers = {"reader": Rule("role:reader and project_id:%(project_id)s"), "admin": Rule("role:admin")}
    policy = Policy(helpers | {name: Rule(check) for name, check in QUESTIONS.items()})
    target = {"project_id": "p1"}
    return {
        name: min(timeit.repeat(lambda n=name: policy.check(n, CREDS, target), number=rounds, repeat=5))
        / rounds
        * 1e6
        for name in QUESTIONS
    }


if __name__ == "__main__":
    for name, microseconds in measure().items():
        print(f"{microseconds:6.2f} µs  {name}")
