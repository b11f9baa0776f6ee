"""Whether a job's new student takes the place of the one that it published before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gts.tasks.measures import measured_of


def is_better(earlier: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether an earlier student is to stay: its measure was higher, on the same gold rows.

    Answers are no part of the gold rows that are measured on; rows that people have mended are other rows. Equal measures let the
    new student pass, which has learnt from more.
    """
    was, now = measured_of(earlier), measured_of(new)
    same = (was["metric"], earlier.get("measured_on")) == (now["metric"], new.get("measured_on"))
    return bool(same and was["value"] > now["value"])


def with_earlier_student(earlier: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a student that stays, with a note about the one that was tried."""
    was, now = measured_of(earlier), measured_of(new)
    note = (
        f"a new student was trained and reaches {now['metric']} {now['value']:.3f} on the same gold rows; "
        f"the one published before reaches {was['value']:.3f} and stays"
    )
    return {
        **earlier,
        "notes": [*(n for n in earlier["notes"] if not n.startswith("a new student was")), note],
    }
