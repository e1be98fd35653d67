# SPDX-License-Identifier: Apache-2.0
"""Resource providers: trees of them, their inventories, traits and aggregates, and a picture of them all."""
