# SPDX-License-Identifier: Apache-2.0
"""Many things at once: deletions by a list of names, and the files of an archive."""
