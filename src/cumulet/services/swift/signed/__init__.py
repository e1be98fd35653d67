# SPDX-License-Identifier: Apache-2.0
"""Signatures in place of tokens: addresses that hold for a time, and forms that upload."""
