# SPDX-License-Identifier: Apache-2.0
"""Where users and groups may live outside of our tables. Drivers are called from coroutines only."""
