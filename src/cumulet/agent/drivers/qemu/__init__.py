# SPDX-License-Identifier: Apache-2.0
"""Guests as QEMU processes of their own, ruled over QMP, which outlive the agent."""

from cumulet.agent.drivers.qemu.driver import QemuDriver

__all__ = ["QemuDriver"]
