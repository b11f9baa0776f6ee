"""Prompts are text files that a person can read, and override with files of the same name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from gts.core.errors import InvalidInput
from gts.core.fingerprint import fingerprint

VARIABLE = "GTS_PROMPTS"


def fill_prompt(package: str, name: str, fields: Mapping[str, str]) -> str:
    """A prompt with its ``$placeholders`` filled in; what is filled in is not read for placeholders again.

    Args:
        package: Package whose folder ``prompts`` holds the file, unless the folder that ``GTS_PROMPTS`` names does.
        name: Name of the file.
        fields: What each placeholder stands for.

    Raises:
        InvalidInput: A person's own file cannot be read, or names a placeholder that does not exist.
    """
    text, where = _read(package, name)
    template = Template(text)
    unknown = sorted(set(template.get_identifiers()) - set(fields)) if template.is_valid() else ["$"]
    if unknown:
        known = ", ".join(f"${field}" for field in fields)
        raise InvalidInput(
            f"{where} holds the placeholder {unknown[0]!r}; the placeholders of this prompt are {known}",
            mend="use those, and write a dollar sign as $$",
        )
    return template.substitute(fields).strip()


def prompts_digest(*packages: str) -> str:
    """What tells the prompts of some packages, a person's own among them, from what they were before.

    Args:
        packages: Packages with a folder ``prompts``.

    Raises:
        InvalidInput: A person's own file cannot be read.
    """
    texts: dict[str, str] = {}
    for package in packages:
        names = {file.name for file in (resources.files(package) / "prompts").iterdir()}
        kinds = {name.partition(".")[0] for name in names}
        # A person may have prompts for languages that GTS ships none for, such as write.de.txt.
        own = {file.name for file in _own_files() if file.name.partition(".")[0] in kinds}
        texts |= {f"{package}/{name}": _read(package, name)[0] for name in names | own}
    return fingerprint(texts)


def check_folder() -> None:
    """Refuse a ``GTS_PROMPTS`` that names no folder.

    Raises:
        InvalidInput: There is no such folder.
    """
    if (folder := os.environ.get(VARIABLE)) and not Path(folder).is_dir():
        raise InvalidInput(
            f"{VARIABLE} names {Path(folder).absolute()}, which is no folder",
            mend=f"make it, or unset {VARIABLE} to use the prompts that GTS ships",
        )


def _own_files() -> list[Path]:
    check_folder()
    folder = os.environ.get(VARIABLE)
    return [file for file in Path(folder).iterdir() if file.suffix == ".txt"] if folder else []


def _read(package: str, name: str) -> tuple[str, str]:
    if folder := os.environ.get(VARIABLE):
        check_folder()
        own = Path(folder) / name
        try:
            return own.read_text("utf-8"), str(own)
        except FileNotFoundError:
            pass  # only some are overridden
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"the prompt {own} cannot be read: {error}",
                mend=f"write it as UTF-8 text, or change {VARIABLE}",
            ) from error
    return (resources.files(package) / "prompts" / name).read_text("utf-8"), name
