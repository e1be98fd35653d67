# SPDX-License-Identifier: Apache-2.0
"""What a domain has otherwise than the cloud: where its users and groups live, and how to reach them."""
