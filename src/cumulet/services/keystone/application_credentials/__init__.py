# SPDX-License-Identifier: Apache-2.0
"""Application credentials: a user's roles on one project, for a program, with a secret of its own."""
