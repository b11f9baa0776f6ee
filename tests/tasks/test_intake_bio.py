"""CoNLL files: schemes, odd tags, tokens and spaces; and that spans survive the way to tags and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import DataError
from gts.tasks.intake.bio import entities, is_bio, joined, scheme_of
from gts.tasks.intake.building import build_row_task
from gts.tasks.source import FileSource, RowSource, TextSource
from gts.tasks.spec import TaskSpec

WORDS = ["Ada", "x", "東京", "大", "，", "e\u0301t", "👩‍🚀", "3.5", "ไทย", "한국", "(", "Ａ"]
KINDS = ["per", "地名", "a-b"]


def read(text, name="examples", **fields):
    return build_row_task(TaskSpec(name="t", type="ner", **fields), TextSource(text, name))


def surfaces(data):
    return [[(span.type, span.of(row.text)) for span in row.found.entities] for row in data.gold]


@st.composite
def tagged(draw):
    """Tokens, and entities over them as first token, last token and type, that do not overlap."""
    tokens = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=10))
    found, place = [], 0
    while place < len(tokens):
        if draw(st.booleans()):
            last = draw(st.integers(place, min(place + 2, len(tokens) - 1)))
            found.append((place, last, draw(st.sampled_from(KINDS))))
            place = last
        place += 1
    return tokens, found


def tags_of(count, found, scheme):
    tags = ["O"] * count
    for number, (first, last, kind) in enumerate(found):
        marks = ["I"] * (last - first + 1)
        before = found[number - 1] if number else None
        if scheme != "IOB1" or (before and before[1] == first - 1 and before[2] == kind):
            marks[0] = "B"
        if scheme in ("BIOES", "BILUO", "BMES"):
            inside, end, single = {"BIOES": "IES", "BILUO": "ILU", "BMES": "MES"}[scheme]
            marks = [single] if len(marks) == 1 else ["B", *inside * (len(marks) - 2), end]
        tags[first : last + 1] = [f"{mark}-{kind}" for mark in marks]
    return tags


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES", "BILUO", "BMES"])
@settings(deadline=None)
@given(sentence=tagged())
def test_spans_survive_the_way_to_tags_and_back(scheme, sentence):
    tokens, found = sentence
    tags = tags_of(len(tokens), found, scheme)
    assert entities(tags)[0] == found
    text, places = joined(tokens)
    lines = "\n".join(f"{token} {tag}" for token, tag in zip(tokens, tags, strict=True))
    words = "word O\n" * 20  # else single characters would be joined without spaces
    twice = f"{lines}\n\n{words}\n{lines}\nzz O\n"  # each type in two texts
    if not found:
        return
    row = read(twice, "a.conll").gold[0]
    assert row.text == text
    assert [(span.type, span.of(text)) for span in row.found.entities] == [
        (kind, text[places[first][0] : places[last][1]])
        for first, last, kind in sorted(found, key=lambda one: one[0])
    ]


@given(st.lists(st.sampled_from(WORDS), max_size=10), st.booleans())
def test_tokens_stay_where_they_are_said_to_be(tokens, by_character):
    text, places = joined(tokens, by_character=by_character)
    assert [text[start:end] for start, end in places] == tokens
    assert "".join(text.split()) == "".join(tokens)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["B-per", "I-per", "O"], "IOB2"),
        (["I-per", "I-per", "O", "I-org", "B-org"], "IOB1"),
        (["B-per", "E-per", "S-org"], "BIOES"),
        (["B-per", "L-per", "U-org"], "BILUO"),
        (["B-per", "M-per", "E-per"], "BMES"),
    ],
)
def test_schemes_are_recognised(tags, scheme):
    assert scheme_of([tags]) == scheme


def test_conll_2003():
    data = read(
        "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP I-MISC\n. . O O\n\n"
        "The DT I-NP O\nEU NNP I-NP I-ORG\nand CC O O\nGerman JJ I-NP I-MISC\nbeer NN I-NP O\n"
    )
    assert [row.text for row in data.gold] == ["EU rejects German .", "The EU and German beer"]
    assert surfaces(data) == [[("ORG", "EU"), ("MISC", "German")]] * 2
    assert any("CoNLL, tags of IOB1" in note for note in data.notes)


def test_comments_and_columns_that_count_the_tokens():
    data = read("# id 7\n1\tAda\tB-per\n2\t#\tO\n\n# id 8\n1\tMax\tB-per\n2\tMin\tI-per\n")
    assert [row.text for row in data.gold] == ["Ada #", "Max Min"]
    assert surfaces(data) == [[("per", "Ada")], [("per", "Max Min")]]


def test_chinese_one_character_a_line_is_joined_without_spaces():
    data = read("小 B-name\n明 I-name\n用 O\ni O\nP O\na O\nd O\n\n小 B-name\n明 I-name\n  O\n说 O\n")
    assert [row.text for row in data.gold] == ["小明用iPad", "小明 说"]
    assert data.spec.language == "zh"


def test_an_inside_without_a_beginning_begins_an_entity():
    data = read("Ada B-per\nwrote O\nX I-work\nO I-work\n\nAda B-per\nX B-work\n")
    assert surfaces(data) == [[("per", "Ada"), ("work", "X O")], [("per", "Ada"), ("work", "X")]]
    assert any("tag 'I-work' without a beginning" in note and "line 3" in note for note in data.notes)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Max B-per|B-org", "line 4: the token 'Max' has 2 tags ('B-per', 'B-org'); one was expected"),
        ("Max", "line 4: the token 'Max' has no tag"),
        ("Max per", "line 4: the token 'Max' has the tag 'per', which is none"),
    ],
)
def test_a_bad_line_is_named(line, message):
    with pytest.raises(DataError) as caught:
        read(f"Ada B-per\nX O\n\n{line}\nX O\n\nAda B-per\nY O\n")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.conll", "anything", True),
        ("a.txt", "EU B-org\nX O\n", True),
        ("a.tsv", "EU\tNNP\tB-org\nX\tIN\tO\n", True),
        ("a.json", '[{"text": "B-x"}]', False),
        ("", "text\tlabel\nwhat is it\tO\nwhere\tB-side\n", True),
        ("", "text\tentities\nAda O\t[]\n", False),
        ("", "first O\nsecond O\n", False),
    ],
)
def test_it_is_known_by_its_content(name, head, expected):
    assert is_bio(name, head) is expected


def test_unlabelled_texts_and_compression(tmp_path):
    import gzip

    (tmp_path / "gold.bio.gz").write_bytes(gzip.compress(b"Ada B-per\nwent O\n\nAda B-per\ncame O\n"))
    (tmp_path / "pool.conll").write_text("Max\nwent\n\nUma B-per\nwent O\n")
    data = build_row_task(
        TaskSpec(name="t", type="ner"),
        FileSource(tmp_path / "gold.bio.gz"),
        FileSource(tmp_path / "pool.conll"),
        RowSource([{"text": "Eve came", "entities": [[0, 3, "per"]]}]),
    )
    assert [row.text for row in data.pool] == ["Max went", "Uma went"]
    assert all(row.found is None for row in data.pool)
    assert len(data.gold) == 2 and len(data.test) == 1
