from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gts.generator.parsing import first_text, parse_texts

LABELS = ["billing", "late delivery"]
WANTED = ["Why was I charged?", "Where is my card {now}?", "It costs $5, he said"]
AS_JSON = json.dumps({"texts": WANTED})


@pytest.mark.parametrize(
    "answer",
    [
        AS_JSON,
        json.dumps({"texts": WANTED}, indent=2),
        json.dumps(WANTED),
        json.dumps(WANTED, indent=1),
        json.dumps([{"text": text, "label": "billing"} for text in WANTED]),
        "\n".join(json.dumps({"label": "billing", "text": text}) for text in WANTED),
        json.dumps({"label": "billing", "results": WANTED}),
        json.dumps({str(i): text for i, text in enumerate(WANTED, 1)}),
        f"```json\n{AS_JSON}\n```",
        f"Sure, here are three texts:\n\n```\n{AS_JSON}\n```\nI hope these help!",
        f"Here you go: {AS_JSON} Let me know if you want more.",
        "Sure, here are three:\n" + "\n".join(f"{i}. {text}" for i, text in enumerate(WANTED, 1)),
        "\n\n".join(f"{i}) {text}" for i, text in enumerate(WANTED, 1)) + "\n\nI hope these help!",
        "\n".join(f"- {text}" for text in WANTED),
        "\n".join(f"* billing: {text}" for text in WANTED),
        "\n".join(f'• "{text}"' for text in WANTED),
        "\n".join(f"**Text {i}:** {text}" for i, text in enumerate(WANTED, 1)),
        "\n".join(WANTED),
        "Here are the texts:\n" + "\n".join(f'"{text}",' for text in WANTED),
        "\n".join(f"“{text}”" for text in WANTED),
        "\n".join(f"Late delivery: {text}" for text in WANTED),
        "\n".join(f"[billing] {text}" for text in WANTED),
        "当然可以，以下是三条文本：\n" + "\n".join(f"{i}、{text}" for i, text in enumerate(WANTED, 1)),
    ],
)
def test_texts_are_found_in_whatever_form_they_come(answer: str) -> None:
    assert parse_texts(answer, LABELS) == WANTED


@pytest.mark.parametrize(
    "answer",
    [
        '{"texts": ["one is whole", "two, too", "three is n',
        '{"texts": ["one is whole", "two, too", "three ends in \\',
        '{"texts": ["one is whole", "two, too",',
        '[\n"one is whole",\n"two, too",\n"thr',
        '[{"text": "one is whole"}, {"text": "two, too"}, {"te',
        '[{"label": "billing", "text": "one is whole"}, {"label": "billing", "text": "two, too"}, {"text": "th',
        "1. one is whole\n2. two, too\n3. three is n",
        "one is whole\ntwo, too\nthree is n",
        'Sure:\n```json\n{"texts": [\n  "one is whole",\n  "two, too",\n  "thr',
    ],
)
def test_of_an_answer_that_was_cut_off_the_whole_texts_are_taken(answer: str) -> None:
    assert parse_texts(answer, LABELS, is_whole=False) == ["one is whole", "two, too"]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "   \n ",
        "{}",
        "[]",
        '{"texts": []}',
        '{"texts": ["", " ", "...", "\\u200b"]}',
        '{"texts": null}',
        "[" * 50_000,
        '{"a":' * 50_000,
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I have no texts.",
        "```\n```",
        "---",
    ],
)
def test_garbage_holds_no_text(answer: str) -> None:
    assert parse_texts(answer, LABELS) == []


@pytest.mark.parametrize("piece", ['{"', '\\"', '"', '{"a": [', "[\n", '["a",', "1. ", "{ ", "``` "])
def test_long_garbage_is_read_to_its_end(piece: str) -> None:
    parse_texts(piece * 20_000, LABELS)  # hours, if time grew by the square of the length


def test_only_outer_quotes_and_labels_are_taken_off() -> None:
    texts = ['He said "no" twice', '"Yes" and "no"', "The billing: is it right?", "billing is slow"]
    assert parse_texts(json.dumps({"texts": texts}), LABELS) == texts


def test_what_cannot_be_stored_is_replaced() -> None:
    (text,) = parse_texts('{"texts": ["a \\ud800 b\\u0000 c"]}')
    assert text.encode() and "\0" not in text


def test_the_first_line_of_a_continuation_is_the_text() -> None:
    assert first_text("my card\nbilling: more", LABELS, is_whole=False) == "my card"
    assert first_text(" billing: my card", LABELS) == "my card"
    assert first_text("my card was ch", LABELS, is_whole=False) is None
    assert first_text("\n \n") is None


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("texts"), inner),
    max_leaves=8,
)
pieces = st.lists(
    st.sampled_from(
        ['{"texts": [', '"a"', '"', "\\", ",", "]", "}", "```json\n", "\n", "1. ", "- ", "billing:", "\ud800"]
    )
    | st.text(max_size=5)
).map("".join)


@given(
    st.text() | json_like.map(json.dumps) | pieces, st.lists(st.text(max_size=3), max_size=2), st.booleans()
)
def test_parsing_never_fails_and_never_gives_blank_texts(
    answer: str, labels: list[str], is_whole: bool
) -> None:
    first = first_text(answer, labels, is_whole=is_whole)
    for text in [*parse_texts(answer, labels, is_whole=is_whole), *([] if first is None else [first])]:
        assert text.strip() == text != ""
        assert text.encode()


plain = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1)


@given(st.lists(plain, min_size=1), st.integers(0, 200))
def test_cutting_json_anywhere_gives_the_texts_that_were_whole(texts: list[str], length: int) -> None:
    answer = json.dumps({"texts": texts}, ensure_ascii=False)
    found = parse_texts(answer[:length], is_whole=False)
    if length > len('{"texts": ['):
        assert found == texts[: len(found)]
    assert parse_texts(answer) == texts
