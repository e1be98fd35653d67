# SPDX-License-Identifier: Apache-2.0
"""Servers: virtual machines, from the request for one to its last trace on a host."""
