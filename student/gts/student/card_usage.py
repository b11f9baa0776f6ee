"""How to use a student, as its card shows it."""

from __future__ import annotations

from gts.student.card_types import WORDS
from gts.student.layout import StudentManifest

_MODEL2VEC = """from model2vec.inference import StaticModelPipeline

classifier = StaticModelPipeline.from_pretrained("{where}")
print(classifier.predict_proba(["a text"]), classifier.classes_)"""
_TRANSFORMERS = """from transformers import pipeline

classifier = pipeline("text-classification", model="{where}", top_k=None)
print(classifier(["a text"], truncation=True))"""


def usage(manifest: StudentManifest, where: str) -> str:
    """The section of the card that shows how to ask the student.

    Args:
        manifest: Its ``gts.json``.
        where: ``namespace/name`` under which it is published.
    """
    if manifest.task.type != "classification":
        return _of_rows(manifest, where)
    name = manifest.task.name
    library, example = (
        ("model2vec", _MODEL2VEC) if manifest.tier == "static" else ("transformers", _TRANSFORMERS)
    )
    code = example.format(where=where)
    ours = (
        "from pathlib import Path\n\nfrom gts.student.runtime import load_student\n\n"
        f'student = load_student(Path("{name}"))\nprint(student.classify(["a text"]))'
    )
    rest = (
        f'curl "$GTS_URL/models/{where}" -H "Authorization: Bearer $GTS_TOKEN" \\\n'
        "  -H 'Content-Type: application/json' -d '{\"inputs\": \"a text\"}'"
    )
    return (
        f"## How to use it\n\nWith GTS (`pip install gts`, no torch), after `gts pull {where}`:\n\n```python\n{ours}\n```\n\n"
        f"With {library} (`HF_ENDPOINT` set to the platform that holds it):\n\n```python\n{code}\n```\n\n"
        f"Over HTTP:\n\n```bash\n{rest}\n```"
    )


def _of_rows(manifest: StudentManifest, where: str) -> str:
    name, row = manifest.task.name, WORDS[manifest.task.type].row
    if manifest.entities_given:
        row = '{"text": "Ada met Bob", "entities": [{"start": 0, "end": 3}, {"start": 8, "end": 11}]}'
    ours = (
        "from pathlib import Path\n\nfrom gts.student.opening import open_student\n\n"
        f'student = open_student(Path("{name}"))\nprint(student.answer([{row}]))'
    )
    rest = (
        f'curl "$GTS_URL/api/v1/models/{where}/predict" -H "Authorization: Bearer $GTS_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' -d '{{\"rows\": [{row}]}}'"
    )
    return (
        f"## How to use it\n\nWith GTS (no torch), after `gts pull {where}`:\n\n```python\n{ours}\n```\n\n"
        f"Over HTTP:\n\n```bash\n{rest}\n```"
    )
