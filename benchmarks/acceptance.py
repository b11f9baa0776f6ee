"""What the filters kept of what was generated without a pool, and how often it was used.

python benchmarks/acceptance.py benchmarks/results/no_pool.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def main() -> None:
    tried: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    used = []
    for run in json.loads(Path(sys.argv[1]).read_text())["runs"]:
        for row in run["generators"]:
            used.append(row["used"])
            if run["tier"] == "mini":  # one tier, so that no draft counts twice
                tried[run["set"], run["writer"]].append((row["accepted"], sum(row["rejected"].values())))
    for (name, writer), counts in tried.items():
        kept, dropped = (sum(column) for column in zip(*counts, strict=True))
        print(f"{name}, {writer}: {kept} of {kept + dropped} kept, {kept / (kept + dropped):.0%}")
    print(f"used in {sum(used)} of {len(used)} jobs")


if __name__ == "__main__":
    main()
