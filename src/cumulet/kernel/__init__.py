# SPDX-License-Identifier: Apache-2.0
"""The kernel: everything that services share, and nothing that knows one of them."""
