"""How a part of GTS that is not installed gets there."""

from __future__ import annotations


def install_line(*extras: str) -> str:
    """What to do where packages of some extras are missing; GTS is installed from its source folder.

    Example:
        >>> install_line("llm")
        "in the folder of GTS's source: pip install -c constraints.txt -e '.[llm]'"
    """
    return f"in the folder of GTS's source: pip install -c constraints.txt -e '.[{','.join(extras)}]'"
