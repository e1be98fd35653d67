# SPDX-License-Identifier: Apache-2.0
"""Sagas: durable functions with undo.

A saga's body is an ordinary coroutine that takes steps: `await run(step, *ids)`. Every finished step is
recorded, so a body that is started again after a crash replays what it has and goes on. When a step fails,
the undo of every step that ran, the failed one too, is called in reverse; an undo accepts that its step
never happened. A plain step commits together with its own record and so happens exactly once; a step that
is a coroutine may happen twice.

After `run.pivot()` nothing is undone any more: a step that fails is tried again until it works, or the saga
is *stuck* where an operator sees it and can retry or skip.
"""

from cumulet.kernel.saga.declare import Saga, saga, step
from cumulet.kernel.saga.run import Run, StepFailed
from cumulet.kernel.saga.store import SagaRow, busy, cancel, start
from cumulet.kernel.saga.worker import Worker

__all__ = ["Run", "Saga", "SagaRow", "StepFailed", "Worker", "busy", "cancel", "saga", "start", "step"]
