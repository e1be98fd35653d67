# SPDX-License-Identifier: Apache-2.0
"""Users and groups: what may be done with them. Their rows are in keystone/people.py."""
