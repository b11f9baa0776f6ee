"""Probing a local language model for the API: in a process of its own, for this one never loads weights."""

from __future__ import annotations

import asyncio
from typing import Any

from gts.platform.processes import ask_process

_COMMAND = "from gts.platform.cli import main; main()"
_PATIENCE_S = 300.0
_one_at_a_time = asyncio.Semaphore(1)


async def probe(subject: str, relation: str, target: str, model: str | None, opposite: str | None) -> Any:
    """What ``gts probe`` says as JSON.

    Raises:
        InvalidInput: No such model, or it cannot say how likely a text is.
        Unavailable: It takes too long, or another probe does.
    """
    options = [f"--{name}={value}" for name, value in (("model", model), ("opposite", opposite)) if value]
    arguments = ["probe", "--json", *options, "--", subject, relation, target]
    return await ask_process(["-c", _COMMAND, *arguments], "the model's answer", _PATIENCE_S, _one_at_a_time)
