# SPDX-License-Identifier: Apache-2.0
"""The same containers and objects by Amazon's API: a bucket is a container of the signer's account."""
