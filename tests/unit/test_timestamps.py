# SPDX-License-Identifier: Apache-2.0
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

TEN = Timestamp("2026-11-20T10:00:00.000000")

moments = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))


@given(moments)
def test_a_moment_survives_the_way_through_the_database(moment: datetime) -> None:
    kept = timestamps.from_datetime(moment)
    assert len(kept) == 26
    assert timestamps.to_datetime(kept) == moment.replace(tzinfo=UTC)
    assert timestamps.from_epoch(timestamps.to_epoch(kept)) == kept
    assert timestamps.parse(kept) == kept


@given(moments, moments)
def test_timestamps_sort_as_their_moments_do(one: datetime, other: datetime) -> None:
    assert (timestamps.from_datetime(one) < timestamps.from_datetime(other)) == (one < other)


def test_a_datetime_with_a_zone_is_kept_in_utc() -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))
    assert timestamps.from_datetime(moment) == TEN


def test_the_epoch_is_1970() -> None:
    assert timestamps.from_epoch(0) == "1970-01-01T00:00:00.000000"
    assert timestamps.to_epoch(TEN) == 1795168800.0


def test_seconds_are_added_and_counted() -> None:
    later = timestamps.add(TEN, 90.5)
    assert later == "2026-11-20T10:01:30.500000"
    assert timestamps.seconds_between(TEN, later) == 90.5
    assert timestamps.add(later, -90.5) == TEN


def test_each_family_of_apis_has_its_letter() -> None:
    assert timestamps.zulu(TEN) == "2026-11-20T10:00:00Z"
    assert timestamps.zulu_with_microseconds(TEN) == "2026-11-20T10:00:00.000000Z"
    assert timestamps.without_zone(TEN) == "2026-11-20T10:00:00.000000"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00Z",
        "2026-11-20t10:00:00z",
        "2026-11-20 10:00:00",
        "2026-11-20T10:00",
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T10:00:00,000000",
        "20261120T100000Z",
        "2026-11-20T12:00:00+02:00",
        "2026-11-20T12:00:00+0200",
        "2026-11-20T12:00:00+02",
        "2026-11-20T12:00:00 02:00",
        "2026-11-20 12:00:00 0200",
        "2026-11-20T04:30:00-05:30",
        "  2026-11-20T10:00:00.000000000Z ",
    ],
)
def test_what_users_send_is_read(text: str) -> None:
    assert timestamps.parse(text) == TEN


def test_a_bare_date_month_or_year_is_its_beginning() -> None:
    assert timestamps.parse("2026-11-20") == "2026-11-20T00:00:00.000000"
    assert timestamps.parse("2026-11") == "2026-11-01T00:00:00.000000"
    assert timestamps.parse("2026") == "2026-01-01T00:00:00.000000"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-11-20T25:00:00Z", "0001-01-01T00:00:00+05:00"]
)
def test_what_is_no_time_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 time such as"):
        timestamps.parse(text)


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert len(timestamps.parse(text)) == 26
