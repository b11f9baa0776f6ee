"""What every file of results says of itself: day, commit, machine and command."""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any


def record(out: Path | None, **found: Any) -> None:
    """Write results to a file, if one is wanted."""
    if out is None:
        return
    from few_shot import processor
    from task_types import commit

    facts = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "command": " ".join(["python", *sys.argv]),
    }
    out.write_text(json.dumps(facts | found, indent=1) + "\n", "utf-8")
