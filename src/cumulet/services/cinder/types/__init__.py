# SPDX-License-Identifier: Apache-2.0
"""Volume types: what an operator offers, by name, and who may use it."""
