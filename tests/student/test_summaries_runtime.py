from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.student.layout import HEAD, MANIFEST, WEIGHTS, StudentManifest, TaskInfo
from gts.student.summaries.choosing import Choice
from gts.student.summaries.files import load, publish, save
from gts.student.summaries.lessons import SummaryLesson
from gts.student.summaries.lexicon import StaticSummaryStudent, train_static_summaries
from gts.student.summaries.mini import MiniSummaryConfig, MiniSummaryStudent, train_mini_summaries
from gts.student.summaries.runtime import load_summary_student
from gts.student.vocabulary import train_tokenizer
from gts.tasks.gains import gains
from gts.tasks.pieces import cut
from gts.tasks.spec import SummaryLength

ODD_TEXTS = ["", "   ", "???", "x", "\ud800 goal", "👩‍👩‍👧 goal! 再见。", "goal " * 700]


def report(number: int) -> tuple[str, str]:
    """A text of three sentences in which the one about goals is the summary, wherever it stands."""
    rng = np.random.default_rng(number)
    said = [
        f"the {rng.choice(['soup', 'bread', 'onion'])} was very very good today",
        f"please {rng.choice(['fry', 'boil', 'roast'])} it again",
        f"the team kick {rng.choice(['cup', 'match', 'league'])} goal",
    ]
    return ". ".join(said[i] for i in rng.permutation(3)) + ".", said[2]


def lessons(n: int) -> list[SummaryLesson]:
    made = []
    for number in range(n):
        text, summary = report(number)
        pieces = cut(text)
        made.append(SummaryLesson(pieces, gains(pieces, summary)))
    return made


def manifest(tier: str, **changes: object) -> StudentManifest:
    task = TaskInfo(name="reports", type="summarization", language="en")
    choice = {"decision": Choice("sentence", 1, 200).to_json(), **changes}
    return StudentManifest(task=task, tier=tier, length=SummaryLength(sentences=1), **choice)


@pytest.fixture(scope="module")
def static_student() -> StaticSummaryStudent:
    known = lessons(40)
    return train_static_summaries(known, train_tokenizer([lesson.cut.text for lesson in known]))


@pytest.fixture(scope="module")
def mini_student(tiny_encoder: Path) -> MiniSummaryStudent:
    return train_mini_summaries(lessons(40), Encoder(tiny_encoder, 24))


@pytest.fixture(scope="module", params=["static", "mini"])
def student(request: pytest.FixtureRequest) -> StaticSummaryStudent | MiniSummaryStudent:
    return request.getfixturevalue(f"{request.param}_student")


@pytest.fixture(scope="module")
def tier(student: StaticSummaryStudent | MiniSummaryStudent) -> str:
    return "static" if isinstance(student, StaticSummaryStudent) else "mini"


@pytest.fixture(scope="module")
def published(
    student: StaticSummaryStudent | MiniSummaryStudent, tier: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp(f"published-{tier}")
    publish(student, folder, manifest(tier))
    return folder


def test_it_finds_the_sentence_that_its_lessons_taught_it_to_find(published: Path) -> None:
    unseen = [report(number) for number in range(100, 130)]
    found = load_summary_student(published).summarize([text for text, _ in unseen])
    right = [row["summary"].rstrip(".") == summary for row, (_, summary) in zip(found, unseen, strict=True)]
    assert np.mean(right) > 0.9


def test_it_says_where_its_sentences_stand(published: Path) -> None:
    text = report(200)[0]
    (found,) = load_summary_student(published).summarize([text])
    assert " ".join(text[row["start"] : row["end"]] for row in found["sentences"]) == found["summary"]
    assert all(0 <= row["score"] <= 1 for row in found["sentences"])
    json.dumps(found)


def test_it_is_served_as_it_was_trained(
    student: StaticSummaryStudent | MiniSummaryStudent, published: Path
) -> None:
    texts = [report(number)[0] for number in range(300, 310)] + ODD_TEXTS
    trained = student.score([cut(text) for text in texts])
    served = load_summary_student(published).scores(texts)
    for own, other in zip(trained, served, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4)


def test_it_is_kept_between_stages(
    student: StaticSummaryStudent | MiniSummaryStudent, tier: str, tmp_path: Path
) -> None:
    save(student, tmp_path)
    cuts = [cut(report(number)[0]) for number in range(5)]
    for own, other in zip(student.score(cuts), load(tier, tmp_path).score(cuts), strict=True):
        np.testing.assert_allclose(own, other, atol=1e-5)


def test_odd_texts_have_a_summary_that_is_part_of_them(published: Path) -> None:
    for text, found in zip(ODD_TEXTS, load_summary_student(published).summarize(ODD_TEXTS), strict=True):
        assert found["summary"] in text
        assert bool(found["summary"]) == bool(text.strip())


def test_one_text_has_the_same_summary_alone_and_among_others(published: Path) -> None:
    student = load_summary_student(published)
    texts = [report(number)[0] for number in range(8)]
    assert student.summarize(texts) == [student.summarize([text])[0] for text in texts]


def test_a_wished_length_is_kept(published: Path) -> None:
    student = load_summary_student(published)
    text = " ".join(report(number)[0] for number in range(4))
    assert len(student.summarize([text], SummaryLength(sentences=3))[0]["sentences"]) == 3
    for most in (30, 60, 120):
        wish = SummaryLength(sentences=9, characters=most)
        assert 0 < len(student.summarize([text], wish)[0]["summary"]) <= most + 9


def test_no_torch_is_imported(published: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from gts.student.summaries.runtime import load_summary_student\n"
        f"load_summary_student(Path({str(published)!r})).summarize(['a goal. a cup.'])\n"
        "print(sorted(set(sys.modules) & {'torch', 'transformers', 'sklearn', 'scipy'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_int8_is_close_to_fp32(mini_student: MiniSummaryStudent, tmp_path: Path) -> None:
    publish(mini_student, tmp_path, manifest("mini"))
    texts = [report(number)[0] for number in range(10)]
    exact = load_summary_student(tmp_path, variant="fp32").scores(texts)
    small = load_summary_student(tmp_path, variant="int8").scores(texts)
    np.testing.assert_allclose(np.concatenate(exact), np.concatenate(small), atol=0.1)


def test_facts(published: Path, tier: str) -> None:
    facts = load_summary_student(published).info
    assert facts["tier"] == tier and facts["type"] == "summarization" and facts["unit"] == "sentence"
    assert facts["parameters"] > 0 and facts["bytes"] > 0


def test_what_is_no_list_of_texts_is_refused(published: Path) -> None:
    student = load_summary_student(published)
    with pytest.raises(InvalidInput, match="one string was given"):
        student.summarize("a goal.")
    with pytest.raises(InvalidInput, match="one is int"):
        student.summarize(["a goal.", 3])


def _empty(path: Path) -> None:
    path.write_bytes(b"{}")


def _odd_decision(path: Path) -> None:
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"decision": {"unit": 7.0}}), "utf-8")


@pytest.mark.parametrize(
    ("name", "harm", "error"),
    [
        (HEAD, Path.unlink, NotFound),
        (HEAD, _empty, StorageError),
        (WEIGHTS, _empty, StorageError),
        (MANIFEST, _odd_decision, StorageError),
    ],
)
def test_a_damaged_folder_is_refused(
    static_student: StaticSummaryStudent,
    tmp_path: Path,
    name: str,
    harm: Callable[[Path], None],
    error: type[Exception],
) -> None:
    publish(static_student, tmp_path, manifest("static"))
    harm(tmp_path / name)
    with pytest.raises(error):
        load_summary_student(tmp_path)


def test_a_manifest_of_another_tier_is_refused(static_student: StaticSummaryStudent, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the manifest says mini"):
        publish(static_student, tmp_path, manifest("mini"))


def test_lessons_that_do_not_fit_are_refused() -> None:
    tokenizer = train_tokenizer(["a goal."])
    with pytest.raises(InvalidInput, match="2 gains were given for 1 pieces"):
        train_static_summaries([SummaryLesson(cut("a goal."), [0.1, 0.2])], tokenizer)
    with pytest.raises(InvalidInput, match="no text to learn from"):
        train_static_summaries([], tokenizer)


def test_chinese_titles_without_weights() -> None:
    made = []
    for number, topic in enumerate(["草坪", "哮喘", "学校", "算法", "桥梁", "森林"] * 4):
        summary = f"基于模型的{topic}研究"
        text = f"近年来问题很多，本文提出{summary}，结果表明方法有效{number}。实验数据很多。"
        pieces = cut(text)
        made.append(SummaryLesson(pieces, gains(pieces, summary)))
    student = train_static_summaries(made, train_tokenizer([lesson.cut.text for lesson in made]))
    pieces = cut("近年来成果不少，本文提出基于模型的河流研究，结果表明误差很小。仿真数据很多。")
    best = int(np.argmax(student.scores(pieces)))
    assert pieces.piece(best) == "本文提出基于模型的河流研究"


def test_tuning_brings_the_trunk_nearer_to_what_it_is_taught(tiny_encoder: Path) -> None:
    known = lessons(24)
    twisted = [
        SummaryLesson(lesson.cut, [float("goal" in lesson.cut.piece(n)) for n in range(len(lesson.gains))])
        for lesson in known
    ]

    def error(visits: int) -> float:
        config = MiniSummaryConfig(visits=visits, learning_rate=1e-3, head_rate=1e-2)
        student = train_mini_summaries(twisted, Encoder(tiny_encoder, 24), config)
        found = student.score([lesson.cut for lesson in twisted])
        wanted = [lesson.gains for lesson in twisted]
        return float(np.mean((np.concatenate(found) - np.concatenate(wanted)) ** 2))

    assert error(160) < error(0)
