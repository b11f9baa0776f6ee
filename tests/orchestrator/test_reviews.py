"""What people said of generated texts is kept by repository and text; the last word counts, mistakes are refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gts.core.database import Database
from gts.core.errors import InvalidInput, NotFound, TooLarge
from gts.orchestrator import reviews
from gts.orchestrator.reviews import Review, Verdict

LABELS = ("billing", "delivery", "other")
Edit = Callable[..., Review]


@pytest.fixture
def edit(database: Database) -> Edit:
    def edit(text: str = "refund me", **changed: Any) -> Review:
        said: dict[str, Any] = {
            "new_text": "please refund me",
            "labels": ["billing"],
            "known_labels": LABELS,
            "multi_label": False,
            "by": "ann",
        }
        with database.writing() as session:
            return reviews.edit(session, "ann", "tickets", text, **(said | changed))

    return edit


def veto(database: Database, text: str, name: str = "tickets", by: str = "ann") -> Review:
    with database.writing() as session:
        return reviews.veto(session, "ann", name, text, by=by)


def all_of(database: Database, name: str = "tickets") -> tuple[Review, ...]:
    with database.reading() as session:
        return reviews.of(session, "ann", name)


def test_a_veto_and_an_edit_are_found_again_for_their_repository_alone(
    database: Database, edit: Edit
) -> None:
    first = veto(database, "nonsense")
    second = edit(" wo ist mein Päckchen? 📦 ", new_text="  wo ist es?  ", labels=["delivery"])
    veto(database, "of another model", name="other")

    assert all_of(database) == (first, second)
    assert (first.verdict, first.new_text, first.labels, first.by) == (Verdict.VETO, None, (), "ann")
    assert (second.text, second.new_text, second.labels) == (
        "wo ist mein Päckchen? 📦",
        "wo ist es?",
        ("delivery",),
    )
    with database.reading() as session:
        assert reviews.of(session, "bob", "tickets") == ()
        assert reviews.find(session, "ann", "tickets", [first.text_id, "f" * 16]) == {first.text_id: first}


def test_the_last_word_counts(database: Database, edit: Edit) -> None:
    veto(database, "refund me")
    edit("refund me")
    last = veto(database, "refund me", by="bob")

    assert all_of(database) == (last,)
    assert (last.new_text, last.labels, last.by) == (None, (), "bob")


def test_several_people_at_the_same_moment_leave_one_word(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: veto(database, "refund me", by=f"p{number}"), range(12)))

    assert len(all_of(database)) == 1


def test_what_was_said_is_taken_back_once(database: Database) -> None:
    review = veto(database, "refund me")
    with database.writing() as session:
        reviews.take_back(session, "ann", "tickets", review.text_id)

    assert all_of(database) == ()
    with database.writing() as session, pytest.raises(NotFound, match="nobody has vetoed or edited"):
        reviews.take_back(session, "ann", "tickets", review.text_id)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"new_text": " \u200b\n"}, "empty"),
        ({"labels": ["bill"]}, "'bill' is no label of this task; expected one of 'billing', 'delivery'"),
        ({"labels": []}, "exactly one"),
        ({"labels": ["billing", "other"]}, "exactly one"),
    ],
)
def test_an_edit_that_is_no_text_of_the_task_is_refused(
    database: Database, edit: Edit, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        edit(**changed)

    assert all_of(database) == ()


def test_an_endless_text_is_refused(edit: Edit) -> None:
    with pytest.raises(TooLarge, match="200,001 characters"):
        edit(new_text="x" * 200_001)


def test_a_multi_label_text_may_carry_any_number_of_labels(edit: Edit) -> None:
    assert edit(labels=["other", "billing", "other"], multi_label=True).labels == ("billing", "other")
    assert edit(labels=[], multi_label=True).labels == ()


def test_what_no_database_could_hold_is_kept_in_the_form_of_a_text(database: Database) -> None:
    review = veto(database, "half \ud83d and nothing \0")

    assert all_of(database) == (review,)
    assert review.text_id == reviews.text_id("half \ud83d and nothing \0") == reviews.text_id(review.text)
