# SPDX-License-Identifier: Apache-2.0
"""Subnets: address ranges of networks."""
