import numpy as np
import pytest

from gts.core.errors import InvalidInput
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.selective import (
    HeldOut,
    certainty_of,
    confidence_of,
    cut,
    fewest_rows,
    knows_certainty,
)


def test_only_the_sure_answers_are_given():
    rows = HeldOut.of([0.95] * 50 + [0.5] * 50, [True] * 49 + [False] + [True, False] * 25)
    found = cut(rows, 0.05)
    assert found is not None
    assert (found.threshold, found.share, found.error, found.rows) == (0.95, 0.5, 0.02, 50)
    assert cut(rows, 0.3).share == 1.0


@pytest.mark.parametrize("bound", [0.05, 0.1, 0.2, 0.01])
def test_rows_that_are_too_few_promise_nothing(bound):
    least = fewest_rows(bound)
    assert cut(HeldOut.of([0.9] * least, [True] * least), bound) is not None
    assert cut(HeldOut.of([0.9] * (least - 1), [True] * (least - 1)), bound) is None
    assert cut(HeldOut.of([], []), bound) is None


def test_equally_sure_rows_stand_or_fall_together():
    rows = HeldOut.of([0.9] * 40, [True] * 20 + [False] * 20)
    assert cut(rows, 0.1) is None


@pytest.mark.parametrize("rows", [48, 200])
@pytest.mark.parametrize("bound", [0.05, 0.1, 0.2])
def test_the_bound_holds_on_the_average(rows, bound):
    rng = np.random.default_rng(rows)
    everything = np.sort(rng.beta(6, 1.5, 20_000))[::-1]
    wrong = np.cumsum(1 - everything) / np.arange(1, len(everything) + 1)
    reached = []
    for _ in range(200):
        sure = rng.beta(6, 1.5, rows)
        found = cut(HeldOut.of(sure.tolist(), (rng.random(rows) < sure).tolist()), bound)
        answered = int((everything >= found.threshold).sum()) if found else 0
        reached.append(wrong[answered - 1] if answered else 0.0)
    assert 0 < np.mean(reached) <= bound


@pytest.mark.parametrize("bound", [0.0, 1.0, -0.1, float("nan")])
def test_a_bound_is_a_share(bound):
    with pytest.raises(InvalidInput, match="share of wrong answers"):
        cut(HeldOut.of([0.9], [True]), bound)


def test_very_many_rows_are_thinned():
    rows = HeldOut.of(np.linspace(0, 1, 9999).tolist(), [True] * 9999)
    assert 1000 < len(rows.right) <= 2000
    assert rows.confidence[0] == 1.0


def test_of_several_labels_all_must_be_right():
    scores = [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.2}]
    assert confidence_of({"scores": scores}, True) == pytest.approx(0.72)


def test_of_a_pair_it_is_how_likely_what_is_told_is_right():
    pairs = StudentManifest(task=TaskInfo(name="twins", type="similarity"), tier="static")
    assert knows_certainty(pairs)
    assert certainty_of(pairs, {"score": 0.9, "alike": True}) == 0.9
    assert certainty_of(pairs, {"score": 0.25, "alike": False}) == 0.75
    assert certainty_of(pairs, {"score": 0.45, "alike": True}) == 0.45, "its threshold is not one half"
    assert not knows_certainty(pairs.model_copy(update={"scale": (1.0, 5.0)}))
