# SPDX-License-Identifier: Apache-2.0
"""Keystone says who somebody is: domains, projects, users, groups and roles, the tokens that prove them,
and the catalog of where every other service answers."""
