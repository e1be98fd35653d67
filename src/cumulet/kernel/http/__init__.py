# SPDX-License-Identifier: Apache-2.0
"""HTTP: one port, a path for each service, and each API family's own letter."""
