"""The label doctor on classification: it finds what a person would mend, and raises no alarm on clean or random data."""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
from collections.abc import Sequence

import pytest

from gts.tasks.dataset import Example, Origin, TaskData
from gts.tasks.diagnosis import diagnose
from gts.tasks.diagnosis.finding import Finding, arranged, cut
from gts.tasks.diagnosis.likeness import Likeness, drawn
from gts.tasks.diagnosis.overlap import overlapping
from gts.tasks.spec import TaskSpec


def task(
    rows: Sequence[tuple[str, str | tuple[str, ...]]], multi_label: bool = False, **described: str
) -> TaskData:
    examples = tuple(
        Example(text, labels if isinstance(labels, tuple) else (labels,)) for text, labels in rows
    )
    names = dict.fromkeys(sorted({label for example in examples for label in example.labels}), "")
    spec = TaskSpec.model_validate({"name": "t", "labels": names | described, "multi_label": multi_label})
    return TaskData(spec, examples)


def of_kind(data: TaskData, kind: str) -> list[Finding]:
    return [finding for finding in diagnose(data) if finding.kind == kind]


def vocabulary(seed: int, size: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(string.ascii_lowercase, k=7)) for _ in range(size)]


def texts_of(topics: Sequence[int | None], each: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of common words and, where a label has a topic, words of that."""
    rng = random.Random(seed)
    common = vocabulary(0, 60)
    texts, labels = [], []
    for label, topic in enumerate(topics):
        own = vocabulary(100 + topic, 12) if topic is not None else common
        for _ in range(each):
            texts.append(" ".join(rng.choice(own if rng.random() < 0.4 else common) for _ in range(8)))
            labels.append(string.ascii_letters[label])
    return texts, labels


# Labels that overlap


@pytest.mark.parametrize(("labels", "each"), [(2, 8), (3, 8), (4, 4), (4, 32), (10, 8), (30, 3), (30, 8)])
@pytest.mark.parametrize("is_clean", [True, False], ids=["clean", "random"])
def test_no_labels_overlap_in_clean_or_random_data(labels: int, each: int, is_clean: bool) -> None:
    for seed in range(5):
        texts, given = texts_of([n if is_clean else None for n in range(labels)], each, seed)
        assert overlapping(Likeness(tuple(texts)), given) == [], seed


def test_labels_of_one_topic_overlap() -> None:
    found = 0
    for seed in range(5):
        texts, labels = texts_of([0, 0, *range(1, 5)], 24, seed)
        overlaps = overlapping(Likeness(tuple(texts)), labels)
        assert all(overlap.labels == ("a", "b") for overlap in overlaps)
        found += len(overlaps)
    assert found >= 3


def test_an_overlap_shows_the_texts_across_the_border() -> None:
    texts, labels = texts_of([0, 0, *range(1, 5)], 24, 1)
    data = task(list(zip(texts, labels, strict=True)))
    finding = next(finding for finding in diagnose(data) if finding.kind == "overlap")
    assert finding.subject == ("a", "b") and "'a' and 'b'" in finding.message
    assert {label for example in finding.examples for label in example.labels} == {"a", "b"}
    assert all(data.gold[example.row - 1].text == example.text for example in finding.examples)


def test_two_examples_a_label_say_nothing_of_overlap() -> None:
    texts, labels = texts_of([0, 0, *range(1, 20)], 2, 3)
    assert overlapping(Likeness(tuple(texts)), labels) == []


# Single texts


def test_nearly_the_same_text_with_another_label_is_named_with_both_rows() -> None:
    rows = [
        ("I would like to cancel my last purchase, please", "refund"),
        ("where has my parcel been for so long", "delivery"),
        ("I would like to cancel my last purchase please!", "cancel"),
        ("the courier never rang", "delivery"),
    ]
    (finding,) = of_kind(task(rows), "contradiction")
    assert finding.subject == ("cancel", "refund") and "rows 1 and 3" in finding.message
    assert [(example.row, example.labels) for example in finding.examples] == [
        (1, ("refund",)),
        (3, ("cancel",)),
    ]


def test_chinese_texts_are_compared_by_characters() -> None:
    rows = [
        ("请问我的退款什么时候可以到账呢", "退款"),
        ("快递放在门口了吗", "物流"),
        ("请问我的退款什么时候可以到账", "账户"),
        ("包裹丢了怎么办", "物流"),
    ]
    (finding,) = of_kind(task(rows), "contradiction")
    assert finding.subject == ("账户", "退款")


def test_copies_count_as_fewer() -> None:
    rows = [(f"your order {n}{n} is late, we are sorry", "late") for n in range(1, 7)]
    rows += [(text, "other things") for text in ("a", "lovely shop", "password lost", "the box was broken")]
    (finding,) = of_kind(task(rows), "copies")
    assert finding.subject == ("late",) and "teach as much as 1" in finding.message


def test_words_that_give_the_label_away() -> None:
    bodies = ("card lost", "where is it", "too dear by far", "help with login", "thanks a lot")
    rows = [(f"Ticket 7: {body} {n}", "open") for n, body in enumerate(bodies)]
    rows += [(text, "shut") for text in ("all done now", "it is solved", "no more to do", "bye", "closed")]
    (finding,) = of_kind(task(rows), "giveaway")
    assert finding.subject == ("open",) and "begin with 'ticket 7 :'" in finding.message


def test_words_that_other_labels_begin_with_too_give_nothing_away() -> None:
    rows = [(f"Can you {verb} it {n}", "ab"[n % 2]) for n, verb in enumerate(vocabulary(1, 12))]
    assert of_kind(task(rows), "giveaway") == []


def test_few_and_rare_labels() -> None:
    words = vocabulary(5, 200)
    rows = [(" ".join(words[4 * n : 4 * n + 4]), "most") for n in range(60)] + [
        ("x y", "two"),
        ("y z", "two"),
    ]
    rows += [(word, "rare") for word in words[150:156]]
    few, imbalance = of_kind(task(rows), "few"), of_kind(task(rows), "imbalance")
    assert [(finding.subject, len(finding.examples)) for finding in few] == [(("two",), 2)]
    assert [finding.subject for finding in imbalance] == [("rare",)]
    assert "'two' 2" in few[0].message and "'most' has 60 examples, 'rare' 6" in imbalance[0].message


def test_labels_that_always_come_together() -> None:
    rows = [(text, ("warm", "kind")) for text in ("so good", "well met", "dear me")] + [
        ("cold", ("bad",))
    ] * 2
    (finding,) = of_kind(task(rows, multi_label=True), "together")
    assert set(finding.subject) == {"warm", "kind"}


def test_other_is_unclear_only_where_its_examples_are_alike() -> None:
    texts, labels = texts_of([0, 1, 2, 3], 16, 2)
    hidden = [(text, {"a": "other"}.get(label, label * 2)) for text, label in zip(texts, labels, strict=True)]
    assert [finding.subject for finding in of_kind(task(hidden), "unclear")] == [("other",)]
    assert of_kind(task(hidden, other="what belongs nowhere else"), "unclear") == []
    words = iter(vocabulary(9, 200))
    loose = [
        (" ".join(next(words) for _ in range(4)) if label == "other" else text, label)
        for text, label in hidden
    ]
    assert of_kind(task(loose), "unclear") == []


# Names


def test_names_without_meaning_are_listed_together_unless_they_are_described() -> None:
    rows = [
        ("good", "LABEL_0"),
        ("fine", "LABEL_0"),
        ("bad", "c12"),
        ("sad", "c12"),
        ("so so", "fair"),
        ("meh", "fair"),
    ]
    (finding,) = of_kind(task(rows), "unclear")
    assert finding.subject == ("LABEL_0", "c12") and "`labels: {LABEL_0: " in finding.mend
    assert of_kind(task(rows, LABEL_0="praise", c12="complaints"), "unclear") == []


def test_a_task_without_examples_is_judged_by_names_and_descriptions() -> None:
    described = {
        "world": "politics, war and diplomacy between countries",
        "foreign": "politics, war and diplomacy between countries!",
        "sports": "",
        "Sport": "games",
    }
    spec = TaskSpec.model_validate({"name": "news", "labels": described})
    found = {(finding.kind, finding.subject) for finding in diagnose(TaskData(spec, (), ("a text",)))}
    assert found == {
        ("names", ("world", "foreign")),
        ("names", ("sports", "Sport")),
        ("unclear", ("sports",)),
    }


def test_guessed_examples_are_not_the_persons_labels() -> None:
    spec = TaskSpec.model_validate({"name": "news", "labels": {"world": "war", "sports": "games"}})
    guessed = tuple(
        Example("same text " + "!" * n, (label,), Origin.GUESSED) for n, label in enumerate(spec.labels)
    )
    assert diagnose(TaskData(spec, guessed)) == ()


# What is handed back


def test_the_order_is_that_of_importance_and_many_of_a_kind_are_cut() -> None:
    many = [Finding("names", (str(n),), f"message {n}", "mend") for n in range(8)]
    found = arranged([*many, Finding("few", (), "few", "mend"), Finding("contradiction", (), "same", "mend")])
    assert [finding.kind for finding in found] == ["contradiction", "few", *["names"] * 5]
    assert found[-1].message == "message 4 (and 3 more findings of this kind)"


def test_a_long_text_is_cut_around_what_matters() -> None:
    assert "needle" in cut("hay " * 400 + "needle" + " hay" * 400, 1600, 1606)
    assert cut("short\n text") == "short text"


def test_of_many_examples_a_part_is_drawn_from_all_labels_and_the_finding_says_so() -> None:
    rng = random.Random(3)
    words = vocabulary(7, 400)
    rows = [(" ".join(rng.sample(words, 6)), "usual") for _ in range(1500)]
    rows += [(f"the very same words again and again {'!' * n}", "copied") for n in range(1, 30)]
    data = task(rows)
    (finding,) = of_kind(data, "copies")
    assert finding.subject == ("copied",) and "among 800 of the 1,529 examples" in finding.message
    assert diagnose(data) == diagnose(data)
    assert sum(place >= 1500 for place in drawn([label for _, label in rows])) == 29


@pytest.mark.parametrize("multi_label", [True, False])
def test_odd_tasks_are_looked_at_like_others(multi_label: bool) -> None:
    marks = [("!!!", ("a",)), ("...", ("b",)), ("?", ("c",)), ("🙂", ("d",)), ("–", ("e",))]
    assert {finding.kind for finding in diagnose(task(marks, multi_label))} == {"few", "unclear"}
    both = [("one text", ("x1", "x2")), ("another", ("x2", "x1")), ("no label", ())]
    assert {finding.kind for finding in diagnose(task(both, True))} == {"few", "unclear"}
    bare = TaskSpec.model_validate({"name": "t", "labels": ["c1", "good"]})
    assert [finding.subject for finding in diagnose(TaskData(bare, ()))] == [("c1",), ("good",)]


def test_findings_are_json() -> None:
    rows = [("a b", "refund"), ("c d", "refunds")]
    for finding in diagnose(task(rows)):
        found = json.loads(json.dumps(finding.as_json()))
        assert set(found) == {"kind", "subject", "message", "mend", "examples"}
        assert all(set(example) == {"row", "text", "labels"} for example in found["examples"])


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys\nfrom gts.tasks.dataset import Example, TaskData\nfrom gts.tasks.diagnosis import diagnose\n"
        "from gts.tasks.spec import TaskSpec\n"
        "spec = TaskSpec.model_validate({'name': 't', 'labels': ['a', 'b']})\n"
        "diagnose(TaskData(spec, tuple(Example(f'text {n}', ('ab'[n % 2],)) for n in range(20))))\n"
        "print(sorted({'torch', 'sklearn', 'scipy', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
