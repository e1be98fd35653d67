# SPDX-License-Identifier: Apache-2.0
"""Metadata definitions: what the properties and tags mean that images, flavors and volumes have."""
