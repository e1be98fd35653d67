# SPDX-License-Identifier: Apache-2.0
"""Tokens: how one proves who one is, what the proof holds, and what ends it."""
