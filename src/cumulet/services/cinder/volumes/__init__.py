# SPDX-License-Identifier: Apache-2.0
"""Volumes: block devices of a fixed size that outlive the servers they are attached to."""
