# SPDX-License-Identifier: Apache-2.0
"""What core services may ask of one another, and of hosts: protocols, frozen records, typed errors."""
