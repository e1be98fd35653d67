# SPDX-License-Identifier: Apache-2.0
"""What extra specs require of capabilities."""

import pytest

from cumulet.lib.requirements import meets


@pytest.mark.parametrize(
    ("value", "requirement", "holds"),
    [
        ("lvm", "lvm", True),
        ("lvm", "ceph", False),
        (True, "<is> True", True),
        (False, "<is> yes", False),
        (3, ">= 3", True),
        (3, "<= 2", False),
        (3, "= 2", True),
        (3, "== 4", False),
        (3, "!= 4", True),
        ("much", ">= 3", False),
        ("fast", "s== fast", True),
        ("fast", "s!= fast", False),
        ("b", "s> a", True),
        ("b", "<or> a <or> b", True),
        ("c", "<or> a <or> b", False),
        ("abc", "<in> b", True),
        (None, ">= 3", False),
        ("lvm", ">=", False),
        ("lvm", None, False),
    ],
)
def test_a_capability_meets_a_requirement(value: object, requirement: str | None, holds: bool) -> None:
    assert meets(value, requirement) is holds
