"""The card tells a reader what the report holds, and nothing of what people wrote becomes markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gts.student.card import model_card, write_card
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.markup import plain

HOSTILE = (
    "../../x",
    "<script>alert(1)</script>",
    "two\nlines\n# head",
    "a: b",
    "| cell |",
    "[x](javascript:y)",
    "`c`",
)


@pytest.fixture
def report() -> dict[str, Any]:
    return {
        "name": "support-tickets",
        "type": "classification",
        "labels": ["billing"],
        "counts": {"gold": 64, "pool": 220, "generated": 0, "test": 120},
        "tier": "mini",
        "published": "student",
        "estimate": {
            "metric": "accuracy",
            "value": 0.88,
            "low": 0.84,
            "high": 0.91,
            "n": 64,
            "method": "cross-fitting",
        },
        "seed_only": {
            "metric": "accuracy",
            "value": 0.80,
            "low": 0.71,
            "high": 0.88,
            "n": 64,
            "method": "same",
        },
        "teachers": [{"name": "encoder", "value": 0.85, "used": True, "reason": "best on gold"}],
        "generators": [
            {"name": "embedded", "used": False, "reason": "no gain", "accepted": 0, "rejected": {"copy": 3}},
            {"name": "big", "used": True, "reason": "0.88", "accepted": 40, "rejected": {}},
        ],
        "models": [
            {"name": "big", "calls": 12, "tokens": 48_120, "money": 0.0131, "cached": 4, "faults": {}}
        ],
        "students": [
            {
                "tier": "static",
                "estimate": 0.84,
                "seed_only": 0.79,
                "parameters": 7_800_000,
                "bytes": 15_000_000,
            }
            | {"texts_per_second": 21_000, "latency_ms": 0.1, "test": 0.83}
        ],
        "test": {
            "student": {"accuracy": 0.87, "macro_f1": 0.86, "n": 120},
            "seed_only": {"accuracy": 0.8, "macro_f1": 0.79, "n": 120},
        },
        "stages": [
            {"name": "teach", "detail": "encoder", "seconds": 21.0, "forecast_seconds": 25.0, "cached": False}
        ],
        "decisions": [],
        "notes": ["the text 'my secret' was left out"],
        "seconds": 95.0,
    }


def test_card_says_what_matters(
    report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    card = model_card(report, make_manifest(tier="mini", base_model="org/encoder"), "acme/tickets")
    for part in (
        "between 84% and 91% with 90% confidence, from 64 labelled texts",
        "80%, interval 71% and 88%",
        "| this student | 87% | 86% | 120 |",
        "| encoder | 0.850 | yes | best on gold |",
        "Generator embedded: its texts are not used (no gain)",
        "Generator big: its texts are used",
        "| big | 12 | 4 | 48,120 | 0.0131 |",
        "| teach encoder | 25.0 s | 21.0 s |",
        "| static | 7,800,000 | 15.0 MB | 21,000 | 0.10 ms |",
        'pipeline("text-classification", model="acme/tickets"',
        "Descends from `org/encoder`",
    ):
        assert part in card
    assert "secret" not in card


def test_card_says_why_a_transformer_is_served_as_it_is(
    report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    report["students"].append(
        {"tier": "mini", "serving": "fp32", "int8_agreement": 0.9375, "int8_loss": 0.0123}
    )
    card = model_card(report, make_manifest(tier="mini"))
    assert (
        "The mini student is served in fp32: its int8 file decides 93.8% of its texts as the fp32 file does, which gives up "
        "1.2% of the right answers by its own probabilities." in card
    )
    report["students"][-1] |= {"serving": "int8", "int8_agreement": 1.0, "int8_loss": None}
    assert "served in int8: its int8 file decides 100.0% of its texts as the fp32 file does." in model_card(
        report, make_manifest(tier="mini")
    )


def test_front_matter_is_what_hubs_read(
    tmp_path: Path, report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    from huggingface_hub import ModelCard

    write_card(tmp_path, report, make_manifest(base_model="org/encoder"), "acme/tickets")
    data = ModelCard.load(tmp_path / "README.md").data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["library_name"] == "model2vec"
    assert data["pipeline_tag"] == "text-classification"
    assert data["language"] == ["en"]
    assert data["base_model"] == "org/encoder"
    assert data["metrics"] == ["accuracy"]
    assert "gts" in data["tags"]


def test_hostile_label_names_stay_text(
    report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    card = model_card(report, make_manifest(labels=HOSTILE))
    _, front, body = card.split("---\n", 2)
    assert isinstance(yaml.safe_load(front), dict)
    assert "<script" not in body and "](javascript" not in body
    assert "\n# head" not in body
    assert r"\.\./\.\./x" in body


def test_joined_characters_stay_joined() -> None:
    assert plain("👩\u200d🚀 می\u200cخواهم") == "👩\u200d🚀 می\u200cخواهم"


@given(st.text())
def test_plain_text_has_no_markup(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown and "<" not in shown and ">" not in shown
    assert all(shown[i - 1] == "\\" for i, char in enumerate(shown) if char in "`*_[]|")


def test_a_report_with_little_in_it_still_gives_a_card(make_manifest: Callable[..., StudentManifest]) -> None:
    task = TaskInfo(name="t", multi_label=True)
    bare = model_card(
        {"counts": {"gold": 1}, "test": None, "published": "seed_only"},
        make_manifest(task=task, labels=("a",)),
    )
    assert "from 1 labelled text." in bare
    assert "any number of these labels" in bare
    assert "seed-only student is published" in bare


def test_where_nothing_was_generated_the_card_says_why(
    report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    silent = {"generators": [], "generation_note": "not tried, there is <b>enough</b> text", "models": []}
    card = model_card(report | silent, make_manifest())
    assert "not tried, there is &lt;b&gt;enough&lt;/b&gt; text" in card
    assert "Generator" not in card and "anguage model" not in card


def test_without_test_texts_the_card_says_so(
    report: dict[str, Any], make_manifest: Callable[..., StudentManifest]
) -> None:
    assert "There were no test texts" in model_card(report | {"test": None}, make_manifest())
