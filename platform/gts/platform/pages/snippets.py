"""How to use a model, as commands and code that can be copied and run as they are."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from gts.platform.pages.languages import ENGLISH, Language

_TEXT = "where is my parcel?"
_OTHER = "my parcel has not come"
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


_HUB_CALLS = {
    "classification": "client.text_classification({text})",
    "ner": "client.token_classification({text})",
    "similarity": "client.sentence_similarity({text}, other_sentences=[{other}])",
    "summarization": "client.summarization({text})",
}


def snippets(
    base_url: str, model: str, library: str, task_type: str, language: Language = ENGLISH
) -> tuple[Snippet, ...]:
    """Ways to use a model, the simplest first.

    Args:
        base_url: Where clients reach the platform, without a slash at the end.
        model: ``namespace/name``.
        library: ``model2vec`` for static students, ``transformers`` for the others.
        task_type: Task type of the model.
        language: What titles and notes are said in.

    Example:
        >>> ways = snippets("http://127.0.0.1:8750", "local/tickets", "transformers", "classification")
        >>> [item.title for item in ways]
        ['Command line', 'curl', 'Python client', 'transformers', 'InferenceClient', 'Without a server']
    """
    text, name, url = json.dumps(_TEXT), json.dumps(model), json.dumps(base_url)
    is_pair = task_type == "similarity"
    row = {"text_a": _TEXT, "text_b": _OTHER} if is_pair else {"text": _TEXT}
    body = json.dumps({"rows": [row]} if is_pair else {"texts": [_TEXT]})
    asked = shlex.quote(_TEXT) + (f" {shlex.quote(_OTHER)}" if is_pair else "")
    ways = [
        Snippet(
            language.gettext("Command line"),
            language.gettext("On the machine of the platform."),
            f"gts predict {shlex.quote(model)} {asked}\ngts pull {shlex.quote(model)}",
        ),
        Snippet(
            "curl",
            language.gettext("From anything that speaks HTTP."),
            f"curl {shlex.quote(f'{base_url}/api/v1/models/{model}/predict')} \\\n"
            f"  -H 'Authorization: Bearer {_PLACEHOLDER}' \\\n"
            "  -H 'Content-Type: application/json' \\\n"
            f"  -d {shlex.quote(body)}",
        ),
        Snippet(
            language.gettext("Python client"),
            language.gettext("For programs that also submit tasks and follow jobs."),
            "from gts.platform.client import Client\n\n"
            f"client = Client({url}, token={json.dumps(_PLACEHOLDER)})\n"
            f"client.predict({name}, [{json.dumps(row) if is_pair else text}])",
        ),
    ]
    if task_type == "classification":
        ways.append(_library_snippet(url, name, text, library, language))
    if call := _HUB_CALLS.get(task_type):
        ways.append(_hub_snippet(base_url, model, call.format(text=text, other=json.dumps(_OTHER)), language))
    ways.append(
        Snippet(
            language.gettext("Without a server"),
            language.gettext("Download once, then predict offline, without torch."),
            "from huggingface_hub import snapshot_download\n"
            "from gts.student.opening import open_student\n\n"
            f"folder = snapshot_download({name}, endpoint={url}, token={json.dumps(_PLACEHOLDER)})\n"
            f"open_student(folder).answer([{json.dumps(row)}])",
        )
    )
    return tuple(ways)


def repository_snippets(base_url: str, model: str, language: Language = ENGLISH) -> tuple[Snippet, ...]:
    """Ways to use a model that is no student."""
    return (_download(base_url, shlex.quote(model), language),)


def dataset_snippets(base_url: str, dataset: str, language: Language = ENGLISH) -> tuple[Snippet, ...]:
    """Ways to use a data set.

    Example:
        >>> [item.title for item in dataset_snippets("http://127.0.0.1:8750", "local/tickets-data")]
        ['datasets', 'Command line']
    """
    load = Snippet(
        "datasets",
        language.gettext("For Python, as from the Hugging Face Hub."),
        _environment(json.dumps(base_url))
        + f"from datasets import load_dataset\n\nload_dataset({json.dumps(dataset)})",
    )
    return load, _download(base_url, f"{shlex.quote(dataset)} --repo-type dataset", language)


def _download(base_url: str, named: str, language: Language) -> Snippet:
    return Snippet(
        language.gettext("Command line"),
        language.gettext("Every file, with the Hub’s own command."),
        f"HF_ENDPOINT={shlex.quote(base_url)} HF_TOKEN={_PLACEHOLDER} hf download {named}",
    )


def _environment(url: str) -> str:
    """What leads libraries here that ask the Hub."""
    return (
        f'import os\n\nos.environ["HF_ENDPOINT"] = {url}  # before the import below\n'
        f'os.environ["HF_TOKEN"] = {json.dumps(_PLACEHOLDER)}\n\n'
    )


def _hub_snippet(base_url: str, model: str, call: str, language: Language) -> Snippet:
    return Snippet(
        "InferenceClient",
        language.gettext("For code written for the Hugging Face inference API."),
        "from huggingface_hub import InferenceClient\n\n"
        f"client = InferenceClient(model={json.dumps(f'{base_url}/models/{model}')}, "
        f"token={json.dumps(_PLACEHOLDER)})\n"
        f"{call}",
    )


def _library_snippet(url: str, name: str, text: str, library: str, language: Language) -> Snippet:
    setting = _environment(url)
    if library == "model2vec":
        return Snippet(
            "model2vec",
            language.gettext("The student as a model2vec pipeline."),
            setting + "from model2vec.inference import StaticModelPipeline\n\n"
            f"classify = StaticModelPipeline.from_pretrained({name})\n"
            f"classify.predict([{text}])",
        )
    return Snippet(
        "transformers",
        language.gettext("The student as an ordinary pipeline."),
        setting + "from transformers import pipeline\n\n"
        f'classify = pipeline("text-classification", model={name})\n'
        f"classify({text})",
    )
