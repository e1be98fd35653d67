# SPDX-License-Identifier: Apache-2.0
"""Subnet pools: stocks of prefixes from which subnets take theirs."""
