# SPDX-License-Identifier: Apache-2.0
"""Cumulet: OpenStack, all of it, as one elegant Python program."""

__version__ = "0.1.0"
