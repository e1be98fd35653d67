# SPDX-License-Identifier: Apache-2.0
"""Attachments: which server, on which host, has which volume."""
