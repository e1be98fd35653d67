# SPDX-License-Identifier: Apache-2.0
"""OpenAPI 3.1 from declarations: every route of a service, with the schemas by which it really checks."""

from cumulet.kernel.docs.document import openapi

__all__ = ["openapi"]
