# SPDX-License-Identifier: Apache-2.0
"""Quotas: how many volumes and gigabytes a project may have, in all and of each type."""
