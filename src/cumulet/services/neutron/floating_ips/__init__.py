# SPDX-License-Identifier: Apache-2.0
"""Floating IPs: external addresses for ports behind routers."""
