# SPDX-License-Identifier: Apache-2.0
"""Images as records: what they are called, who may see them, what they say of themselves."""
