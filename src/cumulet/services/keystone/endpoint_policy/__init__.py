# SPDX-License-Identifier: Apache-2.0
"""Policies that Keystone keeps for others, and OS-ENDPOINT-POLICY: which of them is whose.

Nothing here enforces one: services have their own rules. What becomes of a policy is up to who asks for it.
"""
