# SPDX-License-Identifier: Apache-2.0
"""Neutron connects: networks, subnets and ports, routers and floating IPs, and the rules of what may pass."""
