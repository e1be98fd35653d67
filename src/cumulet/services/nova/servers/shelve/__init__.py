# SPDX-License-Identifier: Apache-2.0
"""Shelving servers: they are stopped and become an image, leave their host, and come back some day."""
