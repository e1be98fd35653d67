# SPDX-License-Identifier: Apache-2.0
"""Placement's letter: a list of errors with codes that clients match on."""

from cumulet.kernel.http.wire import WireProfile, error_list

WIRE = WireProfile(error=error_list)
