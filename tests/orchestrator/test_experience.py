"""What came of earlier forecasts mends later ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.orchestrator.experience import Experience, learn
from gts.orchestrator.gains import Gain
from gts.orchestrator.history import History, Seen


def took(what: str, forecast: float, actual: float, machine: str = "here", times: int = 1) -> list[Seen]:
    return [Seen(what, "ner", machine, forecast, actual)] * times


def test_without_a_past_the_formulas_stand() -> None:
    assert learn([], "here", {}).seconds("stage teach", "ner", 10.0) == pytest.approx(10.0)


def test_ten_jobs_bring_a_forecast_within_a_tenth_of_what_things_take() -> None:
    known = learn(took("stage teach", 10.0, 31.0, times=10), "here", {})

    assert known.seconds("stage teach", "ner", 10.0) == pytest.approx(31.0, rel=0.1)


def test_a_slow_machine_is_slow_at_what_it_has_not_done_yet() -> None:
    seen = [row for kind in "abcd" for row in took(f"stage {kind}", 10.0, 20.0, times=5)]

    assert 15 < learn(seen, "here", {}).seconds("stage new", "ner", 10.0) < 20


def test_one_odd_run_moves_a_forecast_less_than_all_the_way() -> None:
    assert 10 < learn(took("stage teach", 10.0, 100.0), "here", {}).seconds("stage teach", "ner", 10.0) < 60


def test_other_machines_and_moments_say_nothing() -> None:
    seen = took("stage teach", 10.0, 90.0, machine="there", times=20) + took(
        "stage audit", 0.1, 3.0, times=20
    )

    assert learn(seen, "here", {}) == Experience(1.0, {}, {})


def test_a_machine_that_changed_is_believed_after_thirty_runs() -> None:
    seen = took("stage teach", 10.0, 100.0, times=50) + took("stage teach", 10.0, 10.0, times=30)

    assert learn(seen, "here", {}).seconds("stage teach", "ner", 10.0) == pytest.approx(10.0, rel=0.05)


def test_measured_gains_correct_what_was_shipped_and_noisy_ones_less() -> None:
    shipped = {"distil ner mini": Gain(0.01, 0.01), "refine ner mini": Gain(0.0, 0.01)}

    def after(error: float, times: int) -> Gain:
        rows = [Seen("gain distil ner mini", "ner", "anywhere", 0.0, 0.05, error)] * times
        return learn(rows, "here", shipped).gains["distil ner mini"]

    assert after(0.005, 10).mean == pytest.approx(0.05, abs=0.006)
    assert after(0.1, 1).mean == pytest.approx(0.01, abs=0.001)
    assert after(0.005, 1).mean < after(0.005, 3).mean < after(0.005, 10).mean
    assert learn([], "here", shipped).gains == shipped


def test_experience_survives_its_file() -> None:
    known = Experience(1.5, {"stage teach ner": 2.0}, {"distil ner mini": Gain(0.1, 0.2)})

    assert Experience.from_json(known.as_json()) == known


def test_the_file_is_shared_and_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    one, other = History(path), History(path)
    assert one.read() == []
    one.note(took("stage teach", 1.0, 2.0))
    other.note(took("stage audit", 1.0, 2.0))
    with path.open("a") as file:
        file.write('{"what": "stage di')

    assert [row.what for row in one.read()] == ["stage teach", "stage audit"]


@given(st.floats(-0.2, 0.2), st.floats(1e-4, 0.2))
def test_an_improvement_is_never_less_than_the_gain_and_never_negative(mean: float, sd: float) -> None:
    improvement = Gain(mean, sd).improvement

    assert improvement >= max(0.0, mean) - 1e-9
    assert improvement <= max(0.0, mean) + sd
