# SPDX-License-Identifier: Apache-2.0
"""Measurements of a whole cloud that runs as processes of its own, with simulated hosts."""
