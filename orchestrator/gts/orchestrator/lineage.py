"""Where a student comes from: ``lineage.json`` of its folder, with what is needed to make it again."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from gts.core import catalogue
from gts.core.errors import GTSError
from gts.core.fingerprint import fingerprint
from gts.core.llm.entries import find
from gts.core.threads import available_cores, machine_name
from gts.orchestrator.production import Production
from gts.orchestrator.stages.beliefs import LIKELIHOOD

FORMAT = 1
PACKAGES = (
    "gts",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "safetensors",
)
"""What decides, beside data and stages, which bytes come out."""
_IDENTITY_DIGITS = 16

Call = Mapping[str, Any]
"""A stage call as :meth:`gts.orchestrator.stage.StageCall.to_json` gives it, and ``artifact``: what it gave."""


def lineage_of(production: Production, report: Mapping[str, Any]) -> dict[str, Any]:
    """Where the student of a run comes from. It holds names, numbers and digests, no text of anybody's and no address.

    Args:
        production: The run.
        report: Its report.

    Returns:
        ``format``; ``task`` (name, type, language, seed); ``data`` (rows by origin); ``base_model`` (``id``, ``licence``,
        ``identity``, or None); ``language_models`` (``name``, ``model``, ``licence``, ``identity``, ``roles``); ``teachers``
        (``name``, ``weight``); ``generators`` (``name``, ``accepted``, ``artifact``); ``environment``; ``package``, the
        digest of what was published before its card was written, and ``calls``, the stage calls that lead to it.
    """
    spec = production.data.spec
    teachers = [row for row in report["teachers"] if row["used"]]
    generators = [row for row in report["generators"] if row["used"]]
    return {
        "format": FORMAT,
        "task": {"name": spec.name, "type": spec.type, "language": spec.language, "seed": spec.seed},
        "data": _data(production, report),
        "base_model": _base_model(production),
        "language_models": _language_models(report, teachers, generators),
        "teachers": [{"name": row["name"], "weight": row["weight"]} for row in teachers],
        "generators": [{name: row[name] for name in ("name", "accepted", "artifact")} for row in generators],
        "environment": environment(),
        "package": production.package,
        "calls": [_without_addresses(call) for call in leading_to(production.calls, production.package)],
    }


def environment() -> dict[str, Any]:
    """What of this process decides which bytes a stage gives: ``python``, ``machine``, ``cores``, ``packages``."""
    packages = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            packages[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "machine": machine_name(),
        "cores": available_cores(),
        "packages": packages,
    }


def leading_to(calls: Iterable[Call], artifact: str) -> list[Call]:
    """The calls that an artifact was made by, in their order.

    Example:
        >>> calls = [
        ...     {"name": "a", "inputs": {}, "artifact": "1"},
        ...     {"name": "b", "inputs": {}, "artifact": "2"},
        ...     {"name": "c", "inputs": {"from": "1"}, "artifact": "3"},
        ... ]
        >>> [call["name"] for call in leading_to(calls, "3")]
        ['a', 'c']
    """
    wanted, found = {artifact}, list[Call]()
    for call in reversed(list(calls)):  # a call stands behind those that made its inputs
        if call["artifact"] in wanted:
            found.append(call)
            wanted |= set(call["inputs"].values())
    return found[::-1]


def _data(production: Production, report: Mapping[str, Any]) -> dict[str, int]:
    """Rows by where they come from."""
    gold = Counter(row.origin.value for row in production.data.gold)
    others = {name: report["counts"][name] for name in ("pool", "generated", "test")}
    return {**gold, **others}


def _base_model(production: Production) -> dict[str, Any] | None:
    evidence = production.evidence
    if not evidence.profile.encoder or not evidence.sizes.encoder:
        return None
    known = {entry.id: entry.licence for entry in catalogue.entries()}
    name = evidence.profile.encoder
    return {"id": name, "licence": known.get(name), "identity": evidence.profile.weights}


def _language_models(
    report: Mapping[str, Any],
    teachers: Sequence[Mapping[str, Any]],
    generators: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The language models whose answers the student has learnt from."""
    roles: dict[str, list[str]] = {}
    for role, rows in (("teacher", teachers), ("generator", generators)):
        for row in rows:
            for name in (model["name"] for model in report["models"]):
                if row["name"] in (name, name + LIKELIHOOD) and role not in roles.setdefault(name, []):
                    roles[name].append(role)
    return [_language_model(name, found) for name, found in roles.items()]


def _language_model(name: str, roles: list[str]) -> dict[str, Any]:
    known: dict[str, Any] = {"model": None, "licence": None, "identity": None}
    with suppress(GTSError):  # the site's file of models was changed while the job ran
        entry = find(name)
        model = Path(entry.model).name if Path(entry.model).is_absolute() else entry.model
        known = {"model": model, "licence": entry.licence, "identity": _shortened(entry.identity())}
    return {"name": name, **known, "roles": roles}


def _without_addresses(value: Any) -> Any:
    """A call whose models' identities, which hold addresses and folders, are told by their fingerprint."""
    if isinstance(value, Mapping):
        return {
            key: _shortened(item) if key == "identity" else _without_addresses(item)
            for key, item in value.items()
        }
    return [_without_addresses(item) for item in value] if isinstance(value, list | tuple) else value


def _shortened(identity: Any) -> str:
    return fingerprint(identity)[:_IDENTITY_DIGITS]
