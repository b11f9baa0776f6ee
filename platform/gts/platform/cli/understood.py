"""What was understood of a task, and what was found in its labels, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gts.platform.cli.output import plain, print_table, stdout


def print_preview(preview: Mapping[str, Any]) -> None:
    """What :func:`gts.tasks.preview.preview` says, on standard output."""
    console = stdout()
    counts, kind = preview["counts"], str(preview["type"])
    if kind == "classification":
        kind = f"{'multi-label' if preview['multi_label'] else 'single-label'} {kind}"
    console.print(
        f"{preview['name']}: {kind}, language {preview['language']}; {counts['gold']} examples, "
        f"{counts['pool']} unlabelled texts, {counts['test']} test texts",
        markup=False,
        soft_wrap=True,
    )
    rows = [(label["name"], label["gold"], label["description"]) for label in preview["labels"]]
    print_table(("label", "examples", "description"), rows, "no labels")
    for note in preview["notes"]:
        console.print(f"note: {plain(note)}", markup=False, soft_wrap=True)
    print_findings(preview["findings"])


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """What the label doctor says, on standard output: each finding, what can be done, and the rows that show it."""
    console = stdout()
    for finding in findings:
        lines = [f"{finding['kind']}: {finding['message']}", f"  {finding['mend']}"]
        for row in finding["examples"]:
            labels = f" ({', '.join(row['labels'])})" if row["labels"] else ""
            lines.append(f"    row {row['row']}{labels}: {row['text']}")
        for line in lines:
            console.print(plain(line), markup=False, soft_wrap=True)
