# SPDX-License-Identifier: Apache-2.0
"""Allocation candidates: which providers could take a request."""
