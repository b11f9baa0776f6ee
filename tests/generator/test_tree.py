"""The tree on a game whose best end is known: it finds better ends than chance does, and its counts add up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from gts.generator.tree import Node, Play, TreeOptions, search

LENGTH = 12
Bits: TypeAlias = tuple[int, ...]


def worth(bits: Bits) -> float:
    """The bits as a binary fraction: 1 - 2 ** -LENGTH for all ones, and the first bits matter most."""
    return float(sum(bit / 2 ** (i + 1) for i, bit in enumerate(bits)))


def coins(seed: int, length: int = LENGTH) -> tuple[Callable[[Sequence[Bits]], list[Play[Bits]]], list[Bits]]:
    """Plays by throwing a coin for each bit that is open, and the ends it came to."""
    rng = random.Random(seed)
    ends: list[Bits] = []

    def play(states: Sequence[Bits]) -> list[Play[Bits]]:
        plays = []
        for state in states:
            end = (*state, *(rng.randrange(2) for _ in range(length - len(state))))
            ends.append(end)
            after = end[: len(state) + 1]
            plays.append(Play(after[-1], None if len(after) == length else after, worth(end)))
        return plays

    return play, ends


def best(seed: int, simulations: int, breadth: int = 2, batch: int = 1, exploration: float = 0.2) -> float:
    play, ends = coins(seed)
    search((), play, TreeOptions(simulations, breadth, batch, exploration))
    return max(map(worth, ends))


def mean_best(simulations: int, **options: float) -> float:
    return sum(best(seed, simulations, **options) for seed in range(30)) / 30


def nodes(node: Node[Bits]) -> list[Node[Bits]]:
    return [node, *(below for child in node.children.values() for below in nodes(child))]


def test_more_simulations_find_better_ends() -> None:
    found = [1 - mean_best(simulations) for simulations in (4, 16, 64, 256)]

    assert found == sorted(found, reverse=True)
    assert found[-1] < 2**-10 < found[0]


@pytest.mark.parametrize("batch", [1, 8])
def test_search_beats_as_many_random_plays(batch: int) -> None:
    for simulations in (32, 64, 128):
        searched = 1 - mean_best(simulations, batch=batch)
        sampled = 1 - mean_best(simulations, breadth=simulations)
        assert searched < 0.5 * sampled


def deeper(node: Node[Bits]) -> int:
    """Plays that went on through a child of the node."""
    return sum(child.visits for child in node.children.values())


@pytest.mark.parametrize("batch", [1, 5, 16])
def test_visits_and_values_add_up(batch: int) -> None:
    play, ends = coins(0)
    tree = search((), play, TreeOptions(100, 2, batch, 0.2))

    assert len(ends) == tree.visits == deeper(tree) == 100
    assert tree.total == pytest.approx(sum(map(worth, ends)))
    assert len(nodes(tree)) > 15
    for node in nodes(tree):
        # A play that began at a node ended its first step at one of the children, and went no deeper in the tree.
        assert node.tries == sum(child.visits - deeper(child) for child in node.children.values())
        assert node.tries <= 2 * math.sqrt(max(node.visits, 1)) + 1
        assert 0 <= node.mean <= 1


def test_a_play_under_way_counts_as_worth_nothing() -> None:
    """Equal children are taken in turn while the others are being played."""
    batches: list[list[tuple[str, ...]]] = []

    def play(states: Sequence[tuple[str, ...]]) -> list[Play[tuple[str, ...]]]:
        batches.append(list(states))
        edges = ["left" if i % 2 else "right" for i in range(len(states))]
        return [Play(edge, (*state, edge), 0.5) for edge, state in zip(edges, states, strict=True)]

    search((), play, TreeOptions(40, 2, 20, 0.1))

    sides = [state[0] for state in batches[1] if state]
    assert len(sides) > 8
    assert abs(sides.count("left") - sides.count("right")) <= 1


def test_it_ends_when_everything_is_played() -> None:
    play, ends = coins(0, length=3)
    tree = search((), play, TreeOptions(100_000, 6, 4, 0.2))

    assert not tree.is_open
    assert len(ends) == tree.visits < 100_000
    assert len(set(ends)) == 8


def test_an_end_at_once_is_no_place_to_begin() -> None:
    tree = search(
        "start", lambda states: [Play("end", None, 1.0) for _ in states], TreeOptions(50, 4, 3, 0.2)
    )

    assert (tree.visits, tree.mean, tree.is_open) == (16, 1.0, False)
    assert tree.children["end"].visits == 16


def test_no_simulations_play_nothing() -> None:
    play, ends = coins(0)
    assert search((), play, TreeOptions(0, 4, 3, 0.2)).visits == 0
    assert not ends


def test_equal_arguments_give_equal_trees() -> None:
    def ends() -> list[Bits]:
        play, found = coins(7)
        search((), play, TreeOptions(60, 3, 4, 0.2))
        return found

    assert ends() == ends()
