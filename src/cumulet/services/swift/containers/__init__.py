# SPDX-License-Identifier: Apache-2.0
"""Containers: what they hold, and what is said of them."""
