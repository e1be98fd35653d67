# SPDX-License-Identifier: Apache-2.0
"""Allocations: what consumers use of providers."""
