# SPDX-License-Identifier: Apache-2.0
"""Whole clouds that scripts start as processes of their own, and end."""
