# SPDX-License-Identifier: Apache-2.0
"""Unified limits: what every project may have of a resource, and what some may have instead."""
