# SPDX-License-Identifier: Apache-2.0
"""The actions on servers."""

from cumulet.kernel.resource import Action

ACTIONS: tuple[Action, ...] = ()
