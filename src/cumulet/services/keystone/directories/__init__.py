# SPDX-License-Identifier: Apache-2.0
"""Users and groups that live in directories: which domain has one, and the shadows that we keep of them."""
