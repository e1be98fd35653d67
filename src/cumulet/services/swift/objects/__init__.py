# SPDX-License-Identifier: Apache-2.0
"""Objects: how they come, are read, are changed and go."""
