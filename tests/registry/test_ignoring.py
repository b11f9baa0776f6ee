from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from gts.core.errors import TooLarge
from gts.registry.ignoring import is_ignored, parse_rules


@pytest.mark.skipif(shutil.which("git") is None, reason="git says what is right")
def test_rules_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    rng = random.Random(1)
    segments = ["a", "b", "*.log", "*", "?", "a*", "**", "b.log", "x[ab]", "xa", "[!x]a"]
    names = ["a", "b", "xa", "xb", "c.log", "b.log", "ab"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for _ in range(100):
        lines = []
        for _ in range(rng.randint(1, 4)):
            pattern = "/".join(rng.choice(segments) for _ in range(rng.randint(1, 3)))
            lines.append(rng.choice(["", "", "!", "/"]) + pattern + rng.choice(["", "", "/"]))
        text = "\n".join(["# a comment", "", *lines])
        (tmp_path / ".gitignore").write_text(text)
        paths = {"/".join(rng.choice(names) for _ in range(rng.randint(1, 4))) for _ in range(12)}
        answer = subprocess.run(
            ["git", "-C", tmp_path, "check-ignore", "--no-index", "--stdin"],
            input="\n".join(sorted(paths)),
            capture_output=True,
            text=True,
            check=False,
        )
        rules = parse_rules(text)
        assert {path for path in paths if is_ignored(path, rules)} == set(answer.stdout.split("\n")) - {""}, (
            text
        )


def test_patterns_that_are_meant_to_take_for_ever_end() -> None:
    rules = parse_rules("\n".join(["*a" * 40 + "b", "**/" * 60 + "x", "a*" * 100 + "b"]))
    assert not is_ignored("/".join(["a" * 50] * 5), rules)


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(TooLarge, match="rules"):
        parse_rules("x\n" * 1001)
