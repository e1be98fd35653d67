# SPDX-License-Identifier: Apache-2.0
"""Resizing servers and moving them, stopped, to other hosts: tried first, then confirmed or reverted."""
