# SPDX-License-Identifier: Apache-2.0
"""Schemas of the words that several methods have in common."""

TEXT = {"type": "string"}
DOMAIN = {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
PROJECT = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "domain": DOMAIN}}
USER = {
    "type": "object",
    "properties": {"id": TEXT, "name": TEXT, "password": TEXT, "passcode": {}, "domain": DOMAIN},
}
