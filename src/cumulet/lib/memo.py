# SPDX-License-Identifier: Apache-2.0
"""Remembered results."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def memo(function: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache` that keeps the signature, and so takes classes as arguments where mypy is asked."""
    return cast(Callable[P, T], functools.cache(cast(Callable[..., Any], function)))
