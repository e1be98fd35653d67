# SPDX-License-Identifier: Apache-2.0
"""Projects own what users make; domains, which are projects of a kind, own projects, users and groups."""
