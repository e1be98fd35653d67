# SPDX-License-Identifier: Apache-2.0
"""Address scopes: within one, no two subnet pools share an address."""
