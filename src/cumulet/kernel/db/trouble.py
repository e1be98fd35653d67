# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a database, said to whoever wants to use it."""

import sqlite3

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError

FAULTS = (DatabaseError, sqlite3.Error)
"""Errors by which a database says that it cannot be used."""


def is_known(url: str) -> bool:
    """Whether this is the URL of a database that Cumulet can keep its state in."""
    try:
        return sa.make_url(url).get_backend_name() in ("postgresql", "sqlite")
    except (sa.exc.ArgumentError, ValueError):
        return False


def sentence(error: BaseException | None, url: str) -> str | None:
    """Why the database at this URL cannot be used; None when the error does not say that."""
    if not isinstance(error, DatabaseError) or type(error) not in (OperationalError, DatabaseError):
        return None
    place = sa.make_url(url)
    why = first_line(error.orig)
    if type(error.orig).__name__ == "ConnectionTimeout":
        why = f"{place.host}:{place.port or 5432} does not answer"
    return f"The database {place.render_as_string(hide_password=True)} cannot be used: {why}."


def first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
