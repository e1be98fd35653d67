# SPDX-License-Identifier: Apache-2.0
"""Host aggregates: groups of compute hosts with words on them, of which one may be their zone."""
