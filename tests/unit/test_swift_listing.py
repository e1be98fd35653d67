# SPDX-License-Identifier: Apache-2.0
"""Pages of names: the same as a plain reading of all names gives, without reading them all."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.listing.walk import Span, follower, walk

TEXTS = st.text(st.sampled_from("ab/-\ud7ff\ue000\U0010ffff"), max_size=5)
QUESTIONS = st.builds(
    Question,
    limit=st.integers(0, 5),
    prefix=TEXTS,
    marker=TEXTS,
    end_marker=TEXTS,
    delimiter=st.sampled_from(["", "/", "-/"]),
    reverse=st.booleans(),
)


class Shelf:
    """Names in order, and how many of them were read."""

    def __init__(self, names: set[str]) -> None:
        self.names = sorted(names)
        self.read = 0

    def fetch(self, span: Span, limit: int) -> list[tuple[str]]:
        def within(name: str) -> bool:
            return (name >= span.low if span.closed else name > span.low) and (
                span.high is None or name < span.high
            )

        found = [(name,) for name in self.names if within(name)]
        found = (found[::-1] if span.down else found)[:limit]
        self.read += len(found)
        return found


def listed(shelf: Shelf, asked: Question) -> list[str]:
    return [item if isinstance(item, str) else item[0] for item in walk(asked, shelf.fetch)]


def plainly(names: set[str], asked: Question) -> list[str]:
    """The same, by looking at every name."""
    first, last = (asked.end_marker, asked.marker) if asked.reverse else (asked.marker, asked.end_marker)
    found: list[str] = []
    for name in sorted(names, reverse=asked.reverse):
        if not name.startswith(asked.prefix) or (first and name <= first) or (last and name >= last):
            continue
        at = name.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
        word = name if at < 0 else name[: at + len(asked.delimiter)]
        if word not in found and not (at >= 0 and word == asked.marker):
            found.append(word)
    return found[: asked.limit]


@given(st.sets(TEXTS.filter(bool), max_size=40), QUESTIONS)
def test_a_page_is_what_a_plain_reading_gives(names: set[str], asked: Question) -> None:
    assert listed(Shelf(names), asked) == plainly(names, asked)


@given(TEXTS, TEXTS)
def test_what_begins_with_a_text_lies_before_its_follower(text: str, more: str) -> None:
    behind = follower(text)
    assert behind is None or (text + more < behind and text < behind)


def test_folders_of_many_names_are_stepped_over() -> None:
    shelf = Shelf({f"{folder:03}/{number:04}" for folder in range(20) for number in range(500)})
    asked = Question(delimiter="/")
    assert listed(shelf, asked) == [f"{folder:03}/" for folder in range(20)]
    assert listed(shelf, replace(asked, reverse=True)) == [f"{folder:03}/" for folder in reversed(range(20))]
    assert shelf.read < 20 * 2 * 40


def test_names_without_folders_take_few_questions() -> None:
    shelf = Shelf({f"{number:05}" for number in range(5000)})
    assert len(listed(shelf, Question(delimiter="/"))) == 5000
    assert shelf.read == 5000
