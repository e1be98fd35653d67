# SPDX-License-Identifier: Apache-2.0
"""The bytes of images: how they come in, where they lie, how they go out."""
