# SPDX-License-Identifier: Apache-2.0
"""What tests of the cloud stand on: a control plane in memory, and contract suites for drivers."""
