"""What can run a language model: a line in this table, and a file with the class that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One way to run language models.

    Attributes:
        backend: Its class, as ``module:class``; it is made with a model's entry (see :class:`gts.core.llm.backend.Backend`).
        is_remote: Whether it asks a server, at an address and perhaps with a key; if not, weights are loaded here.
    """

    backend: str
    is_remote: bool


KINDS: Mapping[str, Kind] = {
    "openai": Kind("gts.core.llm.openai_backend:OpenAIBackend", is_remote=True),
    "transformers": Kind("gts.core.llm.transformers_backend:TransformersBackend", is_remote=False),
}
