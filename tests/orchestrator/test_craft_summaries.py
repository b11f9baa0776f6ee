from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gts.core.llm.values import Answer, Call, Completion, Failed, Fault
from gts.orchestrator.crafts import craft_of
from gts.orchestrator.crafts.protocol import Lesson, Scene
from gts.orchestrator.crafts.summaries import SummaryCraft
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.summaries.choosing import Choice
from gts.student.summaries.runtime import load_summary_student
from gts.tasks.dataset import Origin
from gts.tasks.pieces import cut
from gts.tasks.rows import RowTask, SummaryRow
from gts.tasks.sentences import sentences
from gts.tasks.spec import SummaryLength, TaskSpec

CRAFT = SummaryCraft()
LENGTH = SummaryLength(sentences=1, characters=32)


def note(number: int, *, first: bool = False) -> SummaryRow:
    """Three sentences; the summary is the one about goals, which stands anywhere or first."""
    rng = np.random.default_rng(number)
    said = [
        f"the team kick {rng.choice(['cup', 'match', 'league'])} goal {number}",
        f"the {rng.choice(['soup', 'bread', 'onion'])} was very very good today",
        f"please {rng.choice(['fry', 'boil', 'roast'])} it again",
    ]
    order = range(3) if first else rng.permutation(3)
    return SummaryRow(". ".join(said[i] for i in order) + ".", said[0])


def task(n: int = 30, pool: int = 20, **changes: object) -> RowTask:
    spec = {"name": "notes", "type": "summarization", "language": "en", "length": LENGTH, **changes}
    unread = [SummaryRow(note(number).text, None, Origin.POOL) for number in range(500, 500 + pool)]
    return RowTask(TaskSpec(**spec), tuple(map(note, range(n))), tuple(unread))


def scene(of: RowTask, encoder: Path | None = None) -> Scene:
    return Scene(of, of.gold[:-6], of.gold[-6:], of.pool, encoder)


def silent(fraction: float) -> None:
    assert 0 <= fraction <= 1


def right(rows: Sequence[SummaryRow], summaries: Sequence[str]) -> float:
    return float(
        np.mean([said.rstrip(".") == row.summary for row, said in zip(rows, summaries, strict=True)])
    )


def test_it_is_the_craft_of_summarization():
    assert isinstance(craft_of("summarization"), SummaryCraft)


def judge(given, rows, beliefs):
    return CRAFT.judge(given, rows, beliefs, [CRAFT.decide(given, rows, beliefs)] * len(rows))


@pytest.mark.parametrize("has_encoder", [False, True])
def test_every_teacher_has_an_opinion_about_every_piece(has_encoder, tiny_encoder):
    seen = scene(task(), tiny_encoder if has_encoder else None)
    for teacher in CRAFT.teachers(seen.task, has_encoder):
        said = CRAFT.teach(teacher, seen, silent)
        for rows, beliefs in ((seen.heldout, said.heldout), (seen.pool, said.pool)):
            assert [len(own) for own in beliefs] == [len(cut(row.text).places) for row in rows]
            assert np.isfinite(np.concatenate([np.array(own) for own in beliefs])).all()


def test_the_scorer_learns_what_summaries_are_about():
    seen = scene(task())
    said = CRAFT.teach("scorer", seen, silent)
    for row, own in zip(seen.heldout, said.heldout, strict=True):
        assert "goal" in cut(row.text).piece(int(np.argmax(own)))


def test_without_an_encoder_the_centroid_teacher_is_refused():
    with pytest.raises(ValueError, match="needs an encoder"):
        CRAFT.teach("centroid", scene(task()), silent)


@pytest.mark.parametrize("tier", ["static", "mini"])
def test_a_student_is_trained_packaged_and_served(tier, tiny_encoder, tmp_path):
    seen = scene(task(), tiny_encoder)
    lessons = [Lesson(row, CRAFT.certain(row)) for row in seen.train]
    CRAFT.train(tier, lessons, seen, 40, tmp_path / "student", silent)
    beliefs = CRAFT.predict(tier, tmp_path / "student", seen.heldout, seen.task)
    decision = CRAFT.decide(seen.task, seen.heldout, beliefs)
    judged = CRAFT.judge(seen.task, seen.heldout, beliefs, [decision] * 6)
    assert judged.value == judged.measures["rouge1"] > 0.9 and judged.measures["n"] == 6
    assert judged.low <= judged.value <= judged.high and judged.measures["lead"] < 0.9
    assert judged.measures["oracle"] == 1
    manifest = StudentManifest(
        task=TaskInfo(name="notes", type="summarization"),
        tier=tier,
        length=LENGTH,
        decision=dict(decision),
    )
    facts = CRAFT.package(manifest, tmp_path / "student", seen.task, tmp_path / "package")
    assert facts["serving"] in ("fp32", "int8")
    served = CRAFT.serve(tmp_path / "package")(seen.heldout)
    for own, other in zip(beliefs, served, strict=True):
        np.testing.assert_allclose(own, other, atol=0.1)
    found = load_summary_student(tmp_path / "package").summarize([row.text for row in seen.heldout])
    assert right(seen.heldout, [row["summary"] for row in found]) == 1


def test_a_student_learns_from_what_teachers_say_of_the_pool(tmp_path):
    seen = scene(task(n=12))
    said = CRAFT.combine([CRAFT.teach("scorer", seen, silent).pool], [1.0])
    lessons = [Lesson(row, own, CRAFT.trust(own)) for row, own in zip(seen.pool, said, strict=True)]
    CRAFT.train("static", lessons, seen, 0, tmp_path, silent)
    beliefs = CRAFT.predict("static", tmp_path, seen.heldout, seen.task)
    assert judge(seen.task, seen.heldout, beliefs).value > 0.9


def test_where_nothing_was_learnt_the_lead_is_given():
    rows = [note(number, first=True) for number in range(10)]
    given = RowTask(TaskSpec(name="notes", type="summarization", length=LENGTH), tuple(rows))
    wrong = [[-gain for gain in CRAFT.certain(row)] for row in rows]
    judged = judge(given, rows, wrong)
    assert (
        Choice.from_json(CRAFT.decide(given, rows, wrong)).lead
        and judged.value == judged.measures["lead"] == 1
    )


def test_no_opinion_is_judged_like_one_without_preferences():
    given = task()
    none = judge(given, given.gold, [None] * len(given.gold))
    flat = judge(given, given.gold, [[0.0] * len(cut(row.text).places) for row in given.gold])
    assert none == flat


def test_a_length_that_was_wished_for_is_kept():
    given = task(length=SummaryLength(sentences=2, characters=64))
    beliefs = [CRAFT.certain(row) for row in given.gold]
    choice = Choice.from_json(CRAFT.decide(given, given.gold, beliefs))
    assert (choice.sentences, choice.characters) == (2, 64)


def test_a_worse_decision_gives_worse_extracts():
    given = task()
    beliefs = [CRAFT.certain(row) for row in given.gold]
    long = Choice("line", 9, 500).to_json()
    judged = CRAFT.judge(given, given.gold, beliefs, [long] * len(given.gold))
    assert judged.value < judge(given, given.gold, beliefs).value


@pytest.mark.parametrize("metric", ["rouge1", "rouge2", "rougeL"])
def test_the_wished_metric_decides(metric):
    given = task(goal={"metric": metric})
    judged = judge(given, given.gold, [CRAFT.certain(row) for row in given.gold])
    assert judged.value == judged.measures[metric]


def test_opinions_are_mixed_where_there_are_any():
    assert CRAFT.combine([[[0.0, 1.0], None], [[1.0, 1.0], None]], [3.0, 1.0]) == [[0.25, 1.0], ()]
    assert CRAFT.trust(()) == CRAFT.trust([0.0, 0.0]) == 0.0
    assert CRAFT.trust([0.9, 0.0, 0.0]) > CRAFT.trust([0.5, 0.4, 0.4]) > 0


def test_beliefs_survive_being_written():
    for belief in ([0.25, -0.5], [], None):
        assert CRAFT.load(json.loads(json.dumps(CRAFT.dump(belief)))) == belief


def test_generated_rows_are_the_users_without_some_sentences():
    seen = scene(task())
    made = CRAFT.recombine(seen, 40, seed=3).rows
    assert made and made == CRAFT.recombine(seen, 40, seed=3).rows
    for one in made:
        source = next(row for row in seen.train if row.summary == one.row.summary)
        kept = {one.row.text[start:end] for start, end in sentences(one.row.text)}
        assert kept < {source.text[start:end] for start, end in sentences(source.text)}
        assert any(one.row.summary in sentence for sentence in kept)
        assert one.seeds == (source.text,)


def test_a_language_models_summaries_become_beliefs():
    seen = scene(task())
    prompts = []

    def ask(calls: Sequence[Call]) -> list[Answer]:
        prompts.extend(call.messages[0].content for call in calls)
        wrote = [Completion(f"{row.summary}\n") for row in seen.heldout]
        return [*wrote[:-2], Completion("the team", is_whole=False), Failed(Fault.NO_ANSWER, "late")]

    said = CRAFT.consult(seen, seen.heldout, ask, schema=False)
    assert said == [*(CRAFT.certain(row) for row in seen.heldout[:-2]), None, None]
    assert all(row.text in prompt for row, prompt in zip(seen.heldout, prompts, strict=True))
    assert any(f"Summary: {row.summary}" in prompts[0] for row in seen.train)
    assert not any(str(row.summary) in prompts[0].replace(row.text, "") for row in seen.heldout)


def test_gold_is_dealt_out_evenly():
    assert CRAFT.strata(task(n=7)).shape == (7, 1)
    assert CRAFT.texts(note(1)) == (note(1).text,)
