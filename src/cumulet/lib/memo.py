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


def memo_of(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`memo` that keeps only so many results, those which were asked for last."""

    def keep(function: Callable[P, T]) -> Callable[P, T]:
        return cast(Callable[P, T], functools.lru_cache(most)(cast(Callable[..., Any], function)))

    return keep
