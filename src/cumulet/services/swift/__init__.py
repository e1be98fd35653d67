# SPDX-License-Identifier: Apache-2.0
"""Swift: accounts of containers of objects, whose names and numbers are rows and whose bytes are files."""
