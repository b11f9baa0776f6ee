"""Probing a local language model for the API: in a process of its own, for this one never loads weights."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from gts.core.errors import GTSError, InvalidInput, Unavailable

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
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async with _one_at_a_time:
                output = await _run(arguments)
    except TimeoutError as error:
        raise Unavailable(
            f"the model has not answered within {_PATIENCE_S:.0f} s", mend="try a smaller model, or later"
        ) from error
    answer = json.loads(output.splitlines()[-1]) if output.strip() else {"error": {}}
    if "error" in answer:
        said = answer["error"]
        kind = InvalidInput if said.get("code") in ("invalid_input", "not_found") else GTSError
        raise kind(
            said.get("message", "the probe failed"), mend=said.get("mend", "the server's log says why")
        )
    return answer


async def _run(arguments: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _COMMAND, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # nobody waits for the answer any more
            process.kill()
            await process.wait()
    return output.decode()
