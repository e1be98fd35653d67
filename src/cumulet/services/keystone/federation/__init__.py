# SPDX-License-Identifier: Apache-2.0
"""People from elsewhere: identity providers, what their assertions make of somebody here, other clouds."""
