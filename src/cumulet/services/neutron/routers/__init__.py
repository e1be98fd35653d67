# SPDX-License-Identifier: Apache-2.0
"""Routers, their interfaces and gateways."""
