"""Prompts of a person's own: they win, they are told apart from what they were, and a wrong folder is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from gts.core.errors import InvalidInput
from gts.core.llm.prompts import fill_prompt, prompts_digest

TEACHER, GENERATOR = "gts.teacher", "gts.generator"


def test_an_override_is_another_digest_and_only_of_the_room_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GTS_PROMPTS", raising=False)
    shipped = prompts_digest(TEACHER), prompts_digest(GENERATOR)
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path))
    assert (prompts_digest(TEACHER), prompts_digest(GENERATOR)) == shipped

    (tmp_path / "example.txt").write_text("$text is $answer")
    (tmp_path / "notes.txt").write_text("for myself")
    assert prompts_digest(TEACHER) != shipped[0]
    assert prompts_digest(GENERATOR) == shipped[1]
    (tmp_path / "write.de.txt").write_text("Schreibe")
    assert prompts_digest(GENERATOR) != shipped[1]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTS_PROMPTS", str(tmp_path / "nowhere"))
    for read in (lambda: prompts_digest(TEACHER), lambda: fill_prompt(TEACHER, "example.txt", {})):
        with pytest.raises(InvalidInput, match=r"GTS_PROMPTS names .*nowhere, which is no folder"):
            read()
