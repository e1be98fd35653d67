# SPDX-License-Identifier: Apache-2.0
"""Trusts: a user lets another act with some of their roles on one project, in their name or the other's."""
