# SPDX-License-Identifier: Apache-2.0
"""Who comes from elsewhere: identity providers, how their assertions map to people here, and where ours may go."""
