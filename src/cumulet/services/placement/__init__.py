# SPDX-License-Identifier: Apache-2.0
"""Placement counts what every host or pool can give and what is taken of it, and answers which of them
can hold a request."""
