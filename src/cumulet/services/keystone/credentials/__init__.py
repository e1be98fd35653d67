# SPDX-License-Identifier: Apache-2.0
"""Credentials: secrets that users keep with Keystone, such as keys for EC2 and S3 interfaces."""
