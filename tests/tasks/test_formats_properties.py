"""Property: any text comes back from any format as it went in."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.core.errors import GTSError
from gts.tasks.building import build_task
from gts.tasks.cells import label_fault
from gts.tasks.columns import Columns
from gts.tasks.limits import Limits
from gts.tasks.source import FileSource, RowSource, TextSource
from gts.tasks.spec import TaskSpec
from gts.tasks.text import clean_text, is_blank, same_text_key

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VISIBLE = TEXTS.filter(lambda text: not is_blank(text))
LABELS = VISIBLE.map(str.strip).filter(lambda name: label_fault(name, Limits()) is None)
TABLES = st.lists(VISIBLE, min_size=4, max_size=8, unique_by=lambda text: same_text_key(clean_text(text)))
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_csv(rows, delimiter):
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label"])
    writer.writerows((row["text"], row["label"]) for row in rows)
    return target.getvalue()


def write(path, rows):
    kind = path.suffix[1:]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    text = {
        "csv": lambda: as_csv(rows, ","),
        "tsv": lambda: as_csv(rows, "\t"),
        "jsonl": lambda: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        "json": lambda: json.dumps(rows),
    }[kind]()
    path.write_bytes(text.encode())


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet"])
@SLOW
@given(texts=TABLES)
def test_any_text_survives_any_format(tmp_path, kind, texts):
    rows = [{"text": text, "label": "ab"[n % 2]} for n, text in enumerate(texts)]
    write(tmp_path / f"a.{kind}", rows)
    data = build_task(TaskSpec(name="t", labels=["a", "b"]), FileSource(tmp_path / f"a.{kind}"))
    assert [example.text for example in data.gold] == [clean_text(text) for text in texts]


@SLOW
@given(texts=st.lists(VISIBLE.filter(lambda text: not set(text) & set("\r\n")), min_size=1, max_size=8))
def test_any_line_survives_plain_text(tmp_path, texts):
    (tmp_path / "pool.txt").write_bytes("\n".join(texts).encode())
    gold = RowSource([{"text": f"gold text {n}", "label": "ab"[n % 2]} for n in range(4)])
    pool = build_task(TaskSpec(name="t"), gold, FileSource(tmp_path / "pool.txt")).pool
    assert set(pool) <= {clean_text(text.removeprefix("\ufeff")) for text in texts} | {
        clean_text(t) for t in texts
    }


@SLOW
@given(
    labels=st.lists(LABELS, min_size=2, max_size=6, unique=True), declared=st.booleans(), multi=st.booleans()
)
def test_any_label_set_is_kept(labels, declared, multi):
    rows = [{"text": f"text {n}", "labels": [labels[n % len(labels)]]} for n in range(2 * len(labels))]
    spec = TaskSpec(name="t", labels=labels if declared else [], multi_label=multi)
    data = build_task(spec, RowSource(rows))
    assert set(data.labels) == set(labels)
    if declared:
        assert data.labels == tuple(labels)
    assert [example.labels for example in data.gold] == [tuple(row["labels"]) for row in rows]


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200), labelled=st.booleans())
def test_no_pasted_text_can_crash_the_reader(text, labelled):
    gold = RowSource([{"text": f"gold text {n}", "label": "ab"[n % 2]} for n in range(4)])
    pasted = TextSource(text)
    try:
        build_task(TaskSpec(name="t"), *((pasted, None) if labelled else (gold, pasted)), columns=Columns())
    except GTSError as error:
        json.dumps(error.as_json(), ensure_ascii=False).encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200),
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a", "a.parquet"]),
)
def test_no_bytes_can_crash_the_reader(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    try:
        build_task(TaskSpec(name="t"), FileSource(tmp_path / name))
    except GTSError as error:
        json.dumps(error.as_json(), ensure_ascii=False).encode()
