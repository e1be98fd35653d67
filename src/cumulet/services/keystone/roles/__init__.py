# SPDX-License-Identifier: Apache-2.0
"""Roles, what they imply, and who has which of them where."""
