"""Means over the draws of recorded runs, as a Markdown table.

python benchmarks/means.py benchmarks/results/no_pool.json --rows set tier --columns writer --value test_accuracy
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from table import spread


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", nargs="+", required=True, help="keys of a run that stand before each line")
    parser.add_argument("--columns", required=True, help="key of a run that the columns are named by")
    parser.add_argument("--value", required=True, help="key of the number")
    parser.add_argument("--digits", type=int, default=3)
    args = parser.parse_args()
    result = json.loads(args.file.read_text())
    columns = list(dict.fromkeys(str(run[args.columns]) for run in result["runs"]))
    lines: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in result["runs"]:
        lines[tuple(str(run[key]) for key in args.rows)][str(run[args.columns])].append(run[args.value])
    print(f"{result['date']}, {result['machine']['processor']}, commit {result['commit']}\n")
    print(f"| {' | '.join([*args.rows, *columns])} |")
    print("|---" * (len(args.rows) + len(columns)) + "|")
    for names, found in lines.items():
        cells = [spread(found[column], args.digits) if found[column] else "" for column in columns]
        print(f"| {' | '.join([*names, *cells])} |")


if __name__ == "__main__":
    main()
