# SPDX-License-Identifier: Apache-2.0
"""Glance keeps images: their records, their bytes in a store, and with whom they are shared."""
