# SPDX-License-Identifier: Apache-2.0
"""Rows, transactions and the engine below them."""

from cumulet.kernel.db.engine import Database
from cumulet.kernel.db.rows import Row, column, json_column, timestamp_now
from cumulet.kernel.db.tx import Retry, Tx

__all__ = ["Database", "Retry", "Row", "Tx", "column", "json_column", "timestamp_now"]
