# SPDX-License-Identifier: Apache-2.0
"""Snapshots: volumes as they were at one instant."""
