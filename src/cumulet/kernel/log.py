# SPDX-License-Identifier: Apache-2.0
"""One log for the whole cloud: a line for each thing that a person should know, with names and values."""

import logging
import sys
from typing import Any

import structlog


def configure(*, json: bool = False, level: int = logging.INFO) -> Any:
    """Send the log to stderr, as text for people or as JSON for machines; the logger."""
    last: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger()
