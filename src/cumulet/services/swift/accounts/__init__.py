# SPDX-License-Identifier: Apache-2.0
"""Accounts: one for each project, from its first use."""
