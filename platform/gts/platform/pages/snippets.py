"""How to use a model, as commands and code that can be copied and run as they are."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

_TEXT = "where is my parcel?"
_PLACEHOLDER = "YOUR_TOKEN"


@dataclass(frozen=True)
class Snippet:
    """One way to use a model.

    Attributes:
        title: What it is called.
        note: When to take it, in one sentence.
        code: Text to copy.
    """

    title: str
    note: str
    code: str


def snippets(base_url: str, model: str, library: str) -> tuple[Snippet, ...]:
    """Ways to use a model, the simplest first.

    Args:
        base_url: Where clients reach the platform, without a slash at the end.
        model: ``namespace/name``.
        library: ``model2vec`` for static students, ``transformers`` for the others.

    Example:
        >>> [item.title for item in snippets("http://127.0.0.1:8750", "local/tickets", "transformers")]
        ['Command line', 'curl', 'Python client', 'transformers', 'InferenceClient', 'Without a server']
    """
    text, name, url = json.dumps(_TEXT), json.dumps(model), json.dumps(base_url)
    body = json.dumps({"texts": [_TEXT]})
    return (
        Snippet(
            "Command line",
            "On the machine of the platform.",
            f"gts predict {shlex.quote(model)} {shlex.quote(_TEXT)}\ngts pull {shlex.quote(model)}",
        ),
        Snippet(
            "curl",
            "From anything that speaks HTTP.",
            f"curl {shlex.quote(f'{base_url}/api/v1/models/{model}/predict')} \\\n"
            f"  -H 'Authorization: Bearer {_PLACEHOLDER}' \\\n"
            "  -H 'Content-Type: application/json' \\\n"
            f"  -d {shlex.quote(body)}",
        ),
        Snippet(
            "Python client",
            "For programs that also submit tasks and follow jobs.",
            "from gts.platform.client import Client\n\n"
            f"client = Client({url}, token={json.dumps(_PLACEHOLDER)})\n"
            f"client.predict({name}, [{text}])",
        ),
        _library_snippet(url, name, text, library),
        Snippet(
            "InferenceClient",
            "For code written for the Hugging Face inference API.",
            "from huggingface_hub import InferenceClient\n\n"
            f"client = InferenceClient(model={json.dumps(f'{base_url}/models/{model}')}, "
            f"token={json.dumps(_PLACEHOLDER)})\n"
            f"client.text_classification({text})",
        ),
        Snippet(
            "Without a server",
            "Download once, then predict offline, without torch.",
            "from huggingface_hub import snapshot_download\n"
            "from gts.student.runtime import load_student\n\n"
            f"folder = snapshot_download({name}, endpoint={url}, token={json.dumps(_PLACEHOLDER)})\n"
            "student = load_student(folder)\n"
            f"student.classify([{text}])",
        ),
    )


def _library_snippet(url: str, name: str, text: str, library: str) -> Snippet:
    setting = f'import os\n\nos.environ["HF_ENDPOINT"] = {url}  # before the import below\n'
    setting += f'os.environ["HF_TOKEN"] = {json.dumps(_PLACEHOLDER)}\n\n'
    if library == "model2vec":
        return Snippet(
            "model2vec",
            "The student as a model2vec pipeline.",
            setting + "from model2vec.inference import StaticModelPipeline\n\n"
            f"classify = StaticModelPipeline.from_pretrained({name})\n"
            f"classify.predict([{text}])",
        )
    return Snippet(
        "transformers",
        "The student as an ordinary pipeline.",
        setting + "from transformers import pipeline\n\n"
        f'classify = pipeline("text-classification", model={name})\n'
        f"classify({text})",
    )
