# SPDX-License-Identifier: Apache-2.0
"""Agents: what of Neutron runs on each host, as clients expect to see it."""
