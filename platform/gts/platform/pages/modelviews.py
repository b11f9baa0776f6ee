"""What the pages say about models: pure functions from values to what templates show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from gts.platform.model_schemas import FileView, ModelDetail
from gts.platform.pages.languages import ENGLISH, Language, mark
from gts.platform.pages.markdown import render_card
from gts.platform.pages.reports import interval_sentence
from gts.platform.pages.snippets import Snippet, repository_snippets, snippets
from gts.platform.pages.words import metric_name
from gts.registry.values import Repository
from gts.student.layout import MANIFEST

_SHORT_COMMIT = 10
_PURPOSES = {
    "config.json": mark("architecture"),
    "model.safetensors": mark("weights"),
    "head.safetensors": mark("classification head"),
    "tokenizer.json": mark("tokenizer"),
    "onnx/model.onnx": mark("ONNX, 32-bit"),
    "onnx/model_quantized.onnx": mark("ONNX, 8-bit"),
    "gts.json": mark("labels, thresholds, measures"),
    "lineage.json": mark("where it comes from"),
    "README.md": mark("model card"),
}


@dataclass(frozen=True)
class ModelLine:
    """A model as the list shows it."""

    id: str
    detail: str
    quality: float | None
    metric: str
    updated_at: datetime


@dataclass(frozen=True)
class FileLine:
    """A file with the URL it is downloaded from."""

    path: str
    purpose: str
    size: int
    url: str


@dataclass(frozen=True)
class ModelPageView:
    """A model with everything its page says."""

    id: str
    namespace: str
    name: str
    commit: str
    short_commit: str
    is_head: bool
    is_student: bool
    type: str
    tier: str
    language: str
    labels: tuple[str, ...]
    multi_label: bool
    parameters: int | None
    bytes: int
    quality: float | None
    metric: str
    interval: str
    card: Markup | None
    files: tuple[FileLine, ...]
    history: tuple[Any, ...]
    names: Mapping[str, tuple[str, ...]]
    snippets: tuple[Snippet, ...]
    job_id: str | None
    data: str | None
    updated_at: datetime


def model_line(repository: Repository, language: Language = ENGLISH) -> ModelLine:
    """A model as the list shows it; facts are taken from its card where the publisher put them."""
    card = repository.card
    tags = [tag for tag in _list(card.get("tags")) if isinstance(tag, str)]
    facts = _mapping(card.get("estimate"))
    detail = [str(card[key]) for key in ("tier", "pipeline_tag", "library_name") if card.get(key)]
    value = facts.get("value", card.get("accuracy"))
    return ModelLine(
        id=repository.id,
        detail=" · ".join(detail or tags[:3]),
        quality=float(value) if isinstance(value, int | float) else None,
        metric=metric_name(str(facts.get("metric", "accuracy")), language),
        updated_at=repository.updated_at,
    )


def model_page(
    detail: ModelDetail,
    head: str,
    facts: Mapping[str, Any],
    card: str | None,
    base_url: str,
    language: Language = ENGLISH,
    *,
    data: str | None = None,
) -> ModelPageView:
    """Everything the page of a model says.

    Args:
        detail: The model at the commit that is shown.
        head: Its newest commit.
        facts: Content of its ``gts.json``; empty if it has none.
        card: Its README.md, if it has one.
        base_url: Where clients reach the platform.
        language: What it is said in.
        data: The data set that it learnt from, if it is here.
    """
    namespace, _, name = detail.id.partition("/")
    report = detail.report or {}
    estimate = report.get("estimate") or {}
    task = _mapping(facts.get("task"))
    task_type = str(task.get("type") or report.get("type") or "classification")
    said = [] if task_type == "similarity" else _list(facts.get("labels")) or report.get("labels") or ()
    tier = str(facts.get("tier") or report.get("tier") or "")
    names: dict[str, list[str]] = {}
    for ref, oid in detail.refs.items():
        names.setdefault(oid, []).append(ref)
    is_student = any(file.path == MANIFEST for file in detail.files)
    library = "model2vec" if tier == "static" else str(detail.card.get("library_name") or "transformers")
    chosen: Mapping[str, Any] = next(
        (item for item in report.get("students") or () if item.get("tier") == tier), {}
    )
    return ModelPageView(
        id=detail.id,
        namespace=namespace,
        name=name,
        commit=detail.commit,
        short_commit=detail.commit[:_SHORT_COMMIT],
        is_head=detail.commit == head,
        is_student=is_student,
        type=task_type,
        tier=tier,
        language=str(task.get("language") or report.get("language") or ""),
        labels=tuple(str(label) for label in said),
        multi_label=bool(task.get("multi_label") or report.get("multi_label")),
        parameters=chosen.get("parameters"),
        bytes=sum(file.size for file in detail.files),
        quality=estimate.get("value"),
        metric=metric_name(str(estimate.get("metric", "")), language),
        interval=interval_sentence(estimate, language) if estimate else "",
        card=render_card(card) if card else None,
        files=tuple(_file_line(detail.id, detail.commit, file, language) for file in detail.files),
        history=tuple(detail.history),
        names={oid: tuple(found) for oid, found in names.items()},
        snippets=snippets(base_url, detail.id, library, task_type, language)
        if is_student
        else repository_snippets(base_url, detail.id, language),
        job_id=next((item.job_id for item in detail.history if item.commit == detail.commit), None),
        data=data,
        updated_at=detail.updated_at,
    )


def model_path(model_id: str) -> str:
    """The path of a model's page.

    Example:
        >>> model_path("local/tickets")
        '/models/local/tickets'
    """
    return "/models/" + "/".join(quote(part, safe="") for part in model_id.split("/"))


def _mapping(value: Any) -> Mapping[str, Any]:
    # Whoever may publish writes gts.json and cards: they may hold anything.
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _file_line(model_id: str, commit: str, file: FileView, language: Language) -> FileLine:
    url = f"/{'/'.join(quote(part, safe='') for part in model_id.split('/'))}/resolve/{commit}/{quote(file.path)}"
    purpose = _PURPOSES.get(file.path, "")
    return FileLine(file.path, language.text(purpose), file.size, url + "?download=true")
