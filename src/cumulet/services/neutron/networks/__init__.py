# SPDX-License-Identifier: Apache-2.0
"""Networks: layer-2 segments."""
