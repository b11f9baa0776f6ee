"""Students of text pairs learn what is alike, say the same of both orders, and stay what they are once written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gts.core.encoder import Encoder
from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.core.pair_tuning import PairTuning
from gts.student.layout import HEAD, ONNX_FP32, ONNX_INT8, TaskInfo
from gts.student.pairs.bi import train_bi
from gts.student.pairs.calibration import Calibration, Decision
from gts.student.pairs.cross import train_cross
from gts.student.pairs.files import form_of, load, publish, save
from gts.student.pairs.lessons import PairLessons, gold_lessons, grades, shares
from gts.student.pairs.manifest import pair_manifest
from gts.student.pairs.measure import choose_serving, measure_pairs
from gts.student.pairs.runtime import load_pair_student
from gts.student.pairs.static import StaticPairConfig, own_start, train_static_pairs
from gts.tasks.rows import PairRow

TopicTexts = Callable[..., list[str]]
TOPICS = ("cooking", "football", "computing")
FORMS = ("cross", "bi", "static")
TASK = TaskInfo(name="twins", type="similarity")
AWKWARD = [
    ("", ""),
    ("soup", ""),
    ("再见 😀", "a"),
    ("the bug " * 300, "bug"),
    ("lone \ud83d surrogate", "a"),
]


def made_pairs(topic_texts: TopicTexts, n: int, seed: int) -> list[PairRow]:
    """Pairs of texts; those of one topic are alike."""
    rng = np.random.default_rng(seed)
    texts = {topic: topic_texts(topic, n, seed) for topic in TOPICS}
    rows = []
    for i in range(n):
        one = TOPICS[rng.integers(3)]
        other = one if i % 2 else TOPICS[(TOPICS.index(one) + 1) % 3]
        rows.append(PairRow(str(rng.choice(texts[one])), str(rng.choice(texts[other])), float(i % 2)))
    return rows


def same_topic(topic_texts: TopicTexts, n: int, seed: int) -> list[PairRow]:
    """Pairs of one topic; those about cooking are alike. What a random transformer of two layers can learn."""
    return [
        PairRow(a, b, float(topic == "cooking"))
        for topic in TOPICS[:2]
        for a, b in zip(topic_texts(topic, n, seed), topic_texts(topic, n, seed + 100), strict=True)
    ]


def texts_of(rows: list[PairRow]) -> list[tuple[str, str]]:
    return [(row.text_a, row.text_b) for row in rows]


def right(probabilities: np.ndarray, rows: list[PairRow]) -> float:
    return float(((probabilities >= 0.5) == np.array([row.score for row in rows])).mean())


@pytest.fixture(scope="session")
def trained(tiny_encoder: Path, topic_texts: TopicTexts) -> dict[str, Any]:
    """One student of each form, taught on the same pairs."""
    rows = made_pairs(topic_texts, 240, 0)
    lessons = gold_lessons(rows)
    tuning = PairTuning(steps=40, learning_rate=2e-3, head_factor=5.0)
    encoder = Encoder(tiny_encoder)
    tokenizer = encoder.tokenizer.backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vectors = encoder.embed_tokens(range(tokenizer.get_vocab_size()))
    return {
        "cross": train_cross(
            gold_lessons(same_topic(topic_texts, 60, 0)), tiny_encoder, tuning, max_length=48
        ),
        "bi": train_bi(lessons, tiny_encoder, tuning, max_length=32),
        "static": train_static_pairs(lessons, tokenizer, vectors, StaticPairConfig(max_length=64)),
    }


@pytest.fixture(scope="session")
def published(trained: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for form, student in trained.items():
        folders[form] = tmp_path_factory.mktemp(form)
        length = {"cross": 48, "bi": 32, "static": 64}[form]
        publish(student, folders[form], pair_manifest(TASK, form, max_length=length))
    return folders


@pytest.mark.parametrize("form", FORMS)
def test_it_learns_what_is_alike(form: str, trained: dict[str, Any], topic_texts: TopicTexts) -> None:
    unseen = same_topic(topic_texts, 40, 1) if form == "cross" else made_pairs(topic_texts, 120, 1)
    assert right(trained[form].predict(texts_of(unseen)), unseen) >= 0.85


@pytest.mark.parametrize("form", FORMS)
def test_both_orders_get_one_answer(form: str, published: dict[str, Path], topic_texts: TopicTexts) -> None:
    student = load_pair_student(published[form], variant="fp32")
    pairs = texts_of(made_pairs(topic_texts, 30, 2))
    there, back = student.similarity(pairs), student.similarity([(b, a) for a, b in pairs])
    np.testing.assert_allclose(there, back, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_as_served_it_says_what_it_said_in_training(
    form: str, trained: dict[str, Any], published: dict[str, Path], topic_texts: TopicTexts
) -> None:
    pairs = [*texts_of(made_pairs(topic_texts, 60, 3)), *AWKWARD[:-1]]
    served = load_pair_student(published[form], variant="fp32").similarity(pairs)
    # A static student's table is served in half precision.
    np.testing.assert_allclose(served, trained[form].predict(pairs), atol=2e-3 if form == "static" else 1e-4)


@pytest.mark.parametrize("form", ["cross", "bi"])
def test_in_8_bits_it_hardly_differs(form: str, published: dict[str, Path], topic_texts: TopicTexts) -> None:
    pairs = texts_of(made_pairs(topic_texts, 60, 3))
    exact, small = (load_pair_student(published[form], variant=v) for v in ("fp32", "int8"))
    assert np.abs(exact.similarity(pairs) - small.similarity(pairs)).mean() < 0.05
    assert small.info["bytes"] < exact.info["bytes"]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_kept_between_stages_is_the_student(
    form: str, trained: dict[str, Any], tmp_path: Path, topic_texts: TopicTexts
) -> None:
    pairs = texts_of(made_pairs(topic_texts, 20, 4))
    save(trained[form], tmp_path)
    again = load(form, tmp_path)
    assert form_of(again) == form
    np.testing.assert_allclose(again.predict(pairs), trained[form].predict(pairs), atol=2e-3)


@pytest.mark.parametrize("form", FORMS)
def test_any_text_gets_a_probability(form: str, published: dict[str, Path]) -> None:
    student = load_pair_student(published[form])
    found = student.similarity(AWKWARD)
    assert found.dtype == np.float32 and ((found >= 0) & (found <= 1)).all()
    assert student.similarity([]).shape == (0,)
    np.testing.assert_allclose(found[1:2], student.similarity(AWKWARD[1:2]), atol=1e-5)


@pytest.mark.parametrize("form", ["bi", "static"])
def test_a_vector_is_computed_once(form: str, published: dict[str, Path]) -> None:
    student = load_pair_student(published[form])
    vectors = student.embed(["soup", "bread", "soup"])
    np.testing.assert_array_equal(vectors[0], vectors[2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert student.embed([]).shape == (0, vectors.shape[1])


def test_a_cross_encoder_has_no_vectors(published: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput, match="form bi"):
        load_pair_student(published["cross"]).embed(["soup"])


def test_transformers_and_sentence_transformers_read_a_cross_encoder(
    trained: dict[str, Any], published: dict[str, Path], topic_texts: TopicTexts
) -> None:
    from sentence_transformers import CrossEncoder
    from transformers import pipeline

    pairs = sorted(tuple(sorted(pair)) for pair in texts_of(made_pairs(topic_texts, 8, 5)))
    expected = load_pair_student(published["cross"], variant="fp32").similarity(pairs)
    ask = pipeline("text-classification", model=str(published["cross"]))
    theirs = ask([{"text": a, "text_pair": b} for a, b in pairs])
    np.testing.assert_allclose([item["score"] for item in theirs], expected, atol=1e-4)
    encoder = CrossEncoder(str(published["cross"]), device="cpu")
    np.testing.assert_allclose(encoder.predict(pairs, show_progress_bar=False), expected, atol=1e-4)


def test_sentence_transformers_reads_a_bi_encoder(published: dict[str, Path]) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["soup and bread", "the server has a bug"]
    theirs = SentenceTransformer(str(published["bi"]), device="cpu").encode(texts, show_progress_bar=False)
    ours = load_pair_student(published["bi"], variant="fp32").embed(texts)
    np.testing.assert_allclose(theirs, ours, atol=1e-4)


def test_grades_stay_on_their_scale(tiny_encoder: Path, topic_texts: TopicTexts, tmp_path: Path) -> None:
    rows = [replace(row, score=4.0 * row.score + 1.0) for row in made_pairs(topic_texts, 120, 6)]
    student = train_bi(gold_lessons(rows, (1, 5)), tiny_encoder, PairTuning(steps=0))
    publish(student, tmp_path, pair_manifest(TASK, "bi", scale=(1, 5)))
    said = load_pair_student(tmp_path).similarity(texts_of(rows))
    assert said.min() >= 1 and said.max() <= 5
    assert said[1::2].mean() > said[::2].mean() + 1
    with pytest.raises(InvalidInput, match="grades"):
        load_pair_student(tmp_path).decide(said)
    np.testing.assert_allclose(grades(shares([1, 2.5, 5], (1, 5)), (1, 5)), [1, 2.5, 5])


def test_calibration_and_threshold_are_served(
    trained: dict[str, Any], tmp_path: Path, topic_texts: TopicTexts
) -> None:
    pairs = texts_of(made_pairs(topic_texts, 20, 7))
    decision = Decision(Calibration(0.5, -1.0), 0.3)
    publish(trained["static"], tmp_path, pair_manifest(TASK, "static", decision, max_length=64))
    student = load_pair_student(tmp_path)
    expected = decision.calibration.apply(trained["static"].predict(pairs))
    scores = student.similarity(pairs)
    np.testing.assert_allclose(scores, expected, atol=2e-3)
    assert student.decide(scores) == (scores >= 0.3).tolist()


def test_chinese_without_an_encoder(tmp_path: Path) -> None:
    openers, subjects = ["你知道", "请问", "告诉我"], ["天气怎么样", "几点了", "我的包裹在哪", "你叫什么名字"]
    rows = [
        PairRow(f"{a}{x}", f"{b}{y}吗", float(x == y))
        for a in openers
        for b in openers
        for x in subjects
        for y in subjects
        if x == y or (len(a) + len(b) + len(x)) % 3 == 0
    ]
    config = StaticPairConfig(max_length=64)
    tokenizer, vectors = own_start([text for pair in texts_of(rows) for text in pair], config)
    student = train_static_pairs(gold_lessons(rows), tokenizer, vectors, config)
    publish(student, tmp_path, pair_manifest(TASK, "static", max_length=64))
    assert right(load_pair_student(tmp_path).similarity(texts_of(rows)), rows) > 0.95


@pytest.mark.parametrize("form", FORMS)
def test_equal_arguments_give_equal_students(form: str, tiny_encoder: Path, topic_texts: TopicTexts) -> None:
    lessons = gold_lessons(made_pairs(topic_texts, 24, 8))
    pairs = texts_of(made_pairs(topic_texts, 10, 9))

    def train() -> Any:
        if form == "static":
            config = StaticPairConfig(epochs=2)
            return train_static_pairs(lessons, *own_start([a for a, _ in lessons.pairs], config), config)
        fit = train_cross if form == "cross" else train_bi
        return fit(lessons, tiny_encoder, PairTuning(steps=3, batch_size=8))

    np.testing.assert_array_equal(train().predict(pairs), train().predict(pairs))


def test_soft_lessons_are_matched(tiny_encoder: Path, topic_texts: TopicTexts) -> None:
    rows = made_pairs(topic_texts, 120, 10)
    soft = np.array([0.35 if row.score else 0.25 for row in rows], np.float32)
    lessons = PairLessons(tuple(texts_of(rows)), soft, np.ones(len(rows), np.float32), 10)
    said = train_bi(lessons, tiny_encoder, PairTuning(steps=0)).predict(texts_of(rows))
    assert abs(said.mean() - 0.3) < 0.02 and said.max() < 0.5


def test_lessons_that_do_not_fit_are_refused() -> None:
    ones = np.ones(1, np.float32)
    with pytest.raises(InvalidInput, match="1 pairs, 1 targets, 1 weights and 2 gold"):
        PairLessons((("a", "b"),), ones, ones, 2)
    with pytest.raises(InvalidInput, match="shares of their scale"):
        PairLessons((("a", "b"),), 3 * ones, ones, 1)
    with pytest.raises(InvalidInput, match="have no score"):
        gold_lessons([PairRow("a", "b")])


@pytest.mark.parametrize("wrong", ["soup", ("a",), ("a", None), 3])
def test_what_is_no_pair_is_named(wrong: object, published: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput, match=r"pair|strings"):
        load_pair_student(published["static"]).similarity([wrong])


def test_damaged_and_missing_files_are_named(published: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(published["bi"], tmp_path / "copy"))
    (folder / HEAD).write_bytes(b"no head")
    with pytest.raises(StorageError, match=r"head\.safetensors"):
        load_pair_student(folder)
    (folder / HEAD).unlink()
    with pytest.raises(NotFound, match=r"head\.safetensors"):
        load_pair_student(folder)
    (folder / ONNX_INT8).unlink()
    with pytest.raises(NotFound, match="model_quantized"):
        load_pair_student(folder, variant="int8")
    (folder / ONNX_FP32).write_bytes(b"no model")
    with pytest.raises(StorageError, match=r"model\.onnx"):
        load_pair_student(folder, variant="fp32")


def test_a_manifest_of_another_kind_is_refused(trained: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the student is of form static"):
        publish(trained["static"], tmp_path, pair_manifest(TASK, "bi"))
    publish(trained["static"], tmp_path, pair_manifest(TaskInfo(name="other"), "static", max_length=64))
    with pytest.raises(StorageError, match="classification"):
        load_pair_student(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_measure_tells_speed_and_size(form: str, published: dict[str, Path], topic_texts: TopicTexts) -> None:
    pairs = texts_of(made_pairs(topic_texts, 60, 11))
    found = measure_pairs(load_pair_student(published[form]), pairs)
    assert found["pairs_per_second"] > 0 and found["latency_ms"] > 0
    assert found["parameters"] > 100 and found["bytes"] > 1000
    with pytest.raises(InvalidInput, match="2 pairs"):
        measure_pairs(load_pair_student(published[form]), pairs[:2])


def test_8_bits_serve_only_where_they_say_the_same(
    trained: dict[str, Any], tmp_path: Path, topic_texts: TopicTexts
) -> None:
    pairs = texts_of(made_pairs(topic_texts, 60, 12))
    publish(trained["bi"], tmp_path, pair_manifest(TASK, "bi", max_length=32))
    share = choose_serving(tmp_path, pairs, least=0.5)
    assert share > 0.9 and load_pair_student(tmp_path).info["variant"] == "int8"
    choose_serving(tmp_path, pairs, least=1.01)
    assert load_pair_student(tmp_path).info["variant"] == "fp32"
    with pytest.raises(InvalidInput, match="without pairs"):
        choose_serving(tmp_path, [])


@pytest.mark.parametrize("form", FORMS)
def test_comparing_imports_nothing_heavy(form: str, published: dict[str, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from gts.student.pairs.runtime import load_pair_student;"
        "load_pair_student(Path(sys.argv[1])).similarity([('soup', 'bread')]);"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'onnx', 'model2vec', 'pyarrow', 'ray', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(published[form])], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
