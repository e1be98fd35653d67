# SPDX-License-Identifier: Apache-2.0
"""Ports: connections to networks, and the addresses they hold."""
