# SPDX-License-Identifier: Apache-2.0
"""Cinder keeps volumes: block storage that outlives the server it is attached to, with its
snapshots, backups and types."""
