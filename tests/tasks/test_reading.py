"""Reading files: formats, compression, encodings, bounds, and damaged input."""

from __future__ import annotations

import gzip
import json
import os
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gts.core.errors import DataError, TooLarge
from gts.tasks.columns import Columns
from gts.tasks.limits import Limits
from gts.tasks.problems import Problems
from gts.tasks.reading import read_rows
from gts.tasks.source import FileSource, RowSource, TextSource


def rows_of(source, *, labelled=True, limits=None, columns=None, declared=()):
    limits = limits or Limits()
    problems, notes = Problems(limits.problems), []
    rows = list(
        read_rows(
            source,
            labelled=labelled,
            columns=columns or Columns(),
            declared=declared,
            limits=limits,
            problems=problems,
            notes=notes,
        )
    )
    problems.raise_if_any()
    return rows


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return FileSource(path)


TABLE = [{"text": "où est\nmon colis ?", "label": "delivery"}, {"text": 'say "hi", now', "label": "other"}]


def csv_text(delimiter=","):
    return (
        f'text{delimiter}label\n"où est\nmon colis ?"{delimiter}delivery\n"say ""hi"", now"{delimiter}other\n'
    )


CONTENTS = {
    "a.csv": csv_text(),
    "semicolons.csv": csv_text(";"),
    "tabs.csv": csv_text("\t"),
    "crlf.csv": csv_text().replace("label\n", "label\r\n").replace("delivery\n", "delivery\r\n"),
    "a.tsv": csv_text("\t"),
    "a.jsonl": "\n".join(json.dumps(row) for row in TABLE),
    "blank-lines.jsonl": "\n\n".join(json.dumps(row, ensure_ascii=False) for row in TABLE) + "\n\n",
    "a.json": json.dumps(TABLE, indent=2),
    "lines.json": "\n".join(json.dumps(row) for row in TABLE),
    "array.jsonl": json.dumps(TABLE),
    "no-extension": csv_text(),
    "tabs.txt": csv_text("\t"),
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_format_gives_the_same_rows(tmp_path, name, zipped, codec):
    content = CONTENTS[name].encode(codec)
    source = write(tmp_path, name + ".gz" * zipped, gzip.compress(content) if zipped else content)
    assert [row.values for row in rows_of(source)] == TABLE


def test_gzip_is_known_by_its_bytes_not_its_name(tmp_path):
    source = write(tmp_path, "a.csv", gzip.compress(csv_text().encode()))
    assert [row.values for row in rows_of(source)] == TABLE


def test_the_display_name_gives_the_format_of_an_upload(tmp_path):
    source = FileSource(write(tmp_path, "upload-7f3a", CONTENTS["a.jsonl"]).path, "mine.jsonl")
    assert [row.values for row in rows_of(source)] == TABLE


@pytest.mark.parametrize("zipped", [False, True])
def test_parquet(tmp_path, zipped):
    pq.write_table(pa.Table.from_pylist([*TABLE, {"text": None, "label": "x"}]), tmp_path / "a.parquet")
    source = FileSource(tmp_path / "a.parquet")
    if zipped:
        source = write(tmp_path, "a.parquet.gz", gzip.compress(source.path.read_bytes()))
    rows = rows_of(source)
    assert [row.values for row in rows] == [*TABLE, {"text": None, "label": "x"}]
    assert [(row.line, row.unit) for row in rows] == [(1, "row"), (2, "row"), (3, "row")]


def test_lines_are_those_of_an_editor(tmp_path):
    assert [row.line for row in rows_of(write(tmp_path, "a.csv", csv_text()))] == [2, 4]
    assert [
        row.line for row in rows_of(write(tmp_path, "a.json", '[\n{"text":\n"a"},\n\n{"text": "b"}\n]'))
    ] == [2, 5]
    assert [row.line for row in rows_of(write(tmp_path, "b.jsonl", CONTENTS["blank-lines.jsonl"]))] == [1, 3]


def test_plain_text_is_one_text_a_line_whatever_it_begins_with(tmp_path):
    text = "[note] hello, world\r\n\r\n{not json}\n  spaced \u2028 kept\n\U0001f600 שלום, عالم\n"
    rows = rows_of(write(tmp_path, "pool.txt", text), labelled=False)
    expected = ["[note] hello, world", "{not json}", "  spaced \u2028 kept", "\U0001f600 שלום, عالم"]
    assert [row.values for row in rows] == expected


def test_pasted_text_is_recognised():
    assert [r.values for r in rows_of(TextSource(CONTENTS["a.jsonl"]))] == TABLE
    assert [r.values for r in rows_of(TextSource(CONTENTS["a.tsv"]))] == TABLE
    assert [r.values for r in rows_of(TextSource("first, text\nsecond"), labelled=False)] == [
        "first, text",
        "second",
    ]
    table = rows_of(TextSource("id,text\n1,hello\n"), labelled=False)
    assert [r.values for r in table] == [{"id": "1", "text": "hello"}]


def test_tsv_with_stray_quotes_is_read_as_it_stands(tmp_path):
    rows = rows_of(write(tmp_path, "a.tsv", 'text\tlabel\n"Well said he\tx\n"So" it goes\ty\n'))
    assert [row.values["text"] for row in rows] == ['"Well said he', '"So" it goes']


def test_two_columns_without_header(tmp_path):
    rows = rows_of(write(tmp_path, "a.csv", "good film,pos\nbad film,neg\nfine,pos\nawful,neg\n"))
    assert rows[0].values == {"text": "good film", "label": "pos"}
    rows = rows_of(write(tmp_path, "b.csv", "pos,good film\nneg,bad film\n"), declared=("pos", "neg"))
    assert rows[0].values == {"label": "pos", "text": "good film"}


def test_rows_in_memory_are_counted_as_rows():
    rows = rows_of(RowSource([{"text": "a"}, "b"]), labelled=False)
    assert [(row.line, row.unit) for row in rows] == [(1, "row"), (2, "row")]
    with pytest.raises(DataError, match="rows, row 1: 3 is no row"):
        rows_of(RowSource([3]))


BAD = {
    "latin-1": (
        "a.csv",
        "text,label\nok,a\ncafé noir,b\n".encode("latin-1"),
        r"line 3: not UTF-8 \(byte 0xE9 at position 19",
    ),
    "utf-16 without mark": ("a.csv", "text,label\n".encode("utf-16-le"), "UTF-16 without byte order mark"),
    "utf-32": ("a.csv", "text,label\n".encode("utf-32"), "UTF-32"),
    "open quote": (
        "a.csv",
        'text,label\nok,a\n"never closed,b\n',
        "line 3: broken CSV: a quote opened here is never closed",
    ),
    "stray quote": ("a.csv", 'text,label\n"a" b,x\n', "line 2: broken CSV"),
    "too many cells": ("a.csv", "text,label\nhello, world,a\n", "line 2: 3 cells in a table of 2 columns"),
    "twice the same column": ("a.csv", "text,label,text\na,b,c\n", "two columns are called 'text'"),
    "not json": ("a.jsonl", '{"text": "a"}\n{"text": \n', "line 2: not a JSON object"),
    "cut array": (
        "a.json",
        '[{"text": "a"},\n{"text": "b"}',
        "line 2: not valid JSON .the array is not closed",
    ),
    "array with a comma too many": ("a.json", '[{"text": "a"},]', "a comma before"),
    "text behind the array": ("a.json", "[]\n[]", "follows the end"),
    "a number as row": ("a.jsonl", "17\n", "17 is no row"),
    "NaN": ("a.jsonl", '{"text": NaN}\n', "NaN is not a JSON value"),
    "a huge number": ("a.jsonl", '{"text": ' + "9" * 5000 + "}\n", "not a JSON object"),
    "deep nesting": ("a.jsonl", "[" * 10 + '{"a":' * 200_000, "not valid JSON|not a JSON object"),
    "zip": ("a.xlsx", b"PK\x03\x04rest", "zip archive or an Excel workbook"),
    "damaged gzip": ("a.csv.gz", b"\x1f\x8b\x08rubbish", "damaged|cut off"),
    "gzip twice": ("a.csv.gz", gzip.compress(gzip.compress(b"text,label\n")), "compressed twice"),
    "binary": ("a.csv", b"text,label\n" + bytes(range(256)) * 4, "line 3: binary data, no text"),
    "damaged parquet": ("a.parquet", b"PAR1 and nothing more", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_with_file_and_line(tmp_path, case):
    name, content, message = BAD[case]
    with pytest.raises(DataError, match=message) as caught:
        rows_of(write(tmp_path, name, content))
    assert name in caught.value.message
    assert caught.value.mend
    assert caught.value.details["file"] == name
    json.dumps(caught.value.as_json())


def test_an_undecodable_byte_far_into_a_file_is_found(tmp_path):
    lines = ["tëxt,label", *[f"número {n},a" for n in range(20_000)]]
    content = "\n".join(lines).encode() + b"\nbad \xff byte,a\n"
    for name, data in (("a.csv", content), ("a.csv.gz", gzip.compress(content))):
        with pytest.raises(DataError) as caught:
            rows_of(write(tmp_path, name, data))
        assert caught.value.details["line"] == 20_002
        assert f"{content.index(0xFF):,}" in caught.value.message
        assert "iconv" in caught.value.mend


def test_truncated_gzip(tmp_path):
    noise = "text,label\n" + "".join(f"{os.urandom(20).hex()},a\n" for _ in range(5_000))
    with pytest.raises(DataError, match=r"a\.csv\.gz is cut off"):
        rows_of(write(tmp_path, "a.csv.gz", gzip.compress(noise.encode())[:-5_000]))


def test_truncated_parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist(TABLE * 100), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        rows_of(write(tmp_path, "b.parquet", (tmp_path / "a.parquet").read_bytes()[:-50]))


@pytest.fixture(scope="module")
def gigabyte_of_zeros(tmp_path_factory):
    path = tmp_path_factory.mktemp("bomb") / "zeros.gz"
    packer, block = zlib.compressobj(1, zlib.DEFLATED, 31), bytes(1 << 20)
    with path.open("wb") as handle:
        for _ in range(1 << 10):
            handle.write(packer.compress(block))
        handle.write(packer.flush())
    return path


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.parquet", "bomb.txt"])
def test_zip_bomb_is_stopped_early(gigabyte_of_zeros, name):
    assert gigabyte_of_zeros.stat().st_size < 10 << 20
    with pytest.raises((TooLarge, DataError)):
        rows_of(FileSource(gigabyte_of_zeros, name), labelled=name != "bomb.txt")


def test_bomb_of_short_lines_is_stopped_by_its_ratio(tmp_path):
    line = b"x" * 1022 + b"a\n"
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(line * 100_000))
    with pytest.raises(TooLarge, match="200 times its size"):
        rows_of(FileSource(tmp_path / "a.txt.gz"), labelled=False)


def test_repetitive_but_small_gzip_is_read(tmp_path):
    content = b"text,label\n" + b"the same text,a\n" * 50_000
    assert len(rows_of(write(tmp_path, "a.csv.gz", gzip.compress(content)))) == 50_000


def test_size_limits_hold_without_compression(tmp_path):
    source = write(tmp_path, "a.csv", csv_text())
    with pytest.raises(TooLarge, match="more than 10 bytes"):
        rows_of(source, limits=Limits(decompressed_bytes=10))
    with pytest.raises(TooLarge, match="JSON array"):
        rows_of(write(tmp_path, "a.json", json.dumps(TABLE)), limits=Limits(json_array_bytes=10))
    with pytest.raises(DataError, match="more than 100 characters"):
        rows_of(
            write(tmp_path, "b.csv", "text,label\n" + "x" * 200 + ",a\n"), limits=Limits(record_chars=100)
        )
    with pytest.raises(DataError, match=r"broken CSV|more than 100 characters"):
        rows_of(
            write(tmp_path, "c.csv", 'text,label\n"' + "x\n" * 200 + '",a\n'), limits=Limits(record_chars=100)
        )


def test_ten_thousand_columns(tmp_path):
    header = ",".join(f"feature{n}" for n in range(10_000))
    for name in ("a.csv", "a.tsv"):
        text = header if name == "a.csv" else header.replace(",", "\t")
        with pytest.raises(DataError, match="10,000 columns; at most 1,000"):
            rows_of(write(tmp_path, name, text + "\n"))
    wide = {f"feature{n}": 1 for n in range(10_000)}
    with pytest.raises(DataError, match="10,000 keys"):
        rows_of(write(tmp_path, "a.jsonl", json.dumps(wide)))
    pq.write_table(pa.table({name: [1] for name in wide}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="10,000 columns"):
        rows_of(FileSource(tmp_path / "a.parquet"))


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_that_repeats_one_huge_value(tmp_path, nested):
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 2_000_000])
    if nested:
        values = pa.ListArray.from_arrays(pa.array(range(0, 100_001, 1_000), pa.int32()), values)
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    with pytest.raises(DataError, match="column 'text' holds a value of 2,000,000 bytes"):
        rows_of(FileSource(tmp_path / "a.parquet"), labelled=False)


def test_parquet_that_repeats_a_long_value_in_every_row(tmp_path):
    # Each batch is small, and so is each text; all of them together would take 3 GB.
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), ["x" * 150_000])
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    with pytest.raises(TooLarge, match=r"a\.parquet unpacks to more than 200 times its size"):
        rows_of(FileSource(tmp_path / "a.parquet"), labelled=False)


def test_parquet_with_few_labels_for_many_texts_is_read(tmp_path):
    texts = [f"{n:08} {'word ' * 20}" for n in range(20_000)]
    labels = pa.array(["a long label, repeated"] * len(texts)).dictionary_encode()
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "a.parquet", compression="zstd")
    assert len(rows_of(FileSource(tmp_path / "a.parquet"))) == len(texts)


def test_parquet_with_a_billion_equal_values_in_lists(tmp_path):
    lists = pa.ListArray.from_arrays(pa.array([0, 1_000], pa.int32()), pa.array([7] * 1_000))
    pq.write_table(pa.table({"text": ["a"], "numbers": lists}), tmp_path / "a.parquet")
    with pytest.raises(TooLarge, match="1,001 values"):
        rows_of(FileSource(tmp_path / "a.parquet"), limits=Limits(rows=50))


def test_parquet_lists_and_categories(tmp_path):
    labels = pa.array([["x", "y"], [], None])
    texts = pa.array(["a", "b", "a"]).dictionary_encode()
    other = [{"deep": "z"}] * 3
    pq.write_table(pa.table({"text": texts, "labels": labels, "meta": other}), tmp_path / "a.parquet")
    values = [row.values for row in rows_of(FileSource(tmp_path / "a.parquet"))]
    assert [(row["text"], row["labels"]) for row in values] == [("a", ["x", "y"]), ("b", []), ("a", None)]


def test_many_broken_lines_end_the_reading(tmp_path):
    with pytest.raises(DataError, match="at least 20 problems") as caught:
        rows_of(write(tmp_path, "a.jsonl", "broken\n" * 1_000))
    assert [problem["line"] for problem in caught.value.details["problems"]] == list(range(1, 21))


def test_a_missing_file_offers_the_nearest(tmp_path):
    write(tmp_path, "labelled.csv", "text,label\n")
    with pytest.raises(DataError, match=r"no file labeled\.csv.*'labelled\.csv'"):
        rows_of(FileSource(tmp_path / "labeled.csv"))
    with pytest.raises(DataError, match="is a folder"):
        rows_of(FileSource(tmp_path))
    with pytest.raises(DataError, match="not a regular file"):
        rows_of(FileSource(type(tmp_path)("/dev/null")))
