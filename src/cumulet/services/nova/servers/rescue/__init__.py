# SPDX-License-Identifier: Apache-2.0
"""Rescuing servers: their guests boot from another disk for a while, with their own beside it."""
