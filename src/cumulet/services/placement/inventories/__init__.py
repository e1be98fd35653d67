# SPDX-License-Identifier: Apache-2.0
"""Inventories: how much of each resource class a provider has."""
