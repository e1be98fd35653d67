# SPDX-License-Identifier: Apache-2.0
"""The compute hosts: their services, what they have to give, the zones they are in."""
