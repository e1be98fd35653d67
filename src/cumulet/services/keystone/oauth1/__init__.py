# SPDX-License-Identifier: Apache-2.0
"""OAuth 1.0a: a consumer gets some of a user's roles on one project, after the user has agreed to it."""
