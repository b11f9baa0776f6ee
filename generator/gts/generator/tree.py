"""Monte-Carlo tree search by UCT, over anything that can be begun anywhere and played to an end.

Kocsis and Szepesvári, "Bandit based Monte-Carlo Planning" (2006). Two things are for models that are dear to run: playing a state to
its end also gives the first edge on the way there, which becomes the new child, so nothing is computed for the tree alone; and several
states are chosen before any is played, each counted as if it had been worth nothing until its value is known (virtual loss, Chaslot et
al., "Parallel Monte-Carlo Tree Search", 2008), so that they can be played in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Play(Generic[State]):
    """One way from a state to an end.

    Attributes:
        edge: Names the first step; equal steps from one state are one child.
        after: The state after that step; none where it is the end.
        value: What the end is worth, in 0..1.
    """

    edge: Hashable
    after: State | None
    value: float


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """How a tree is searched.

    Attributes:
        simulations: Plays in all. Fewer where everything is played before.
        breadth: A node that n plays went through may be where ``breadth * sqrt(n)`` of them begin, each of which makes a child or
            meets one again (progressive widening, Coulom 2007): a good first step that chance left out gets its turn.
        batch: Nodes played together.
        exploration: UCT's constant: the weight of what is little known against what has been good.
    """

    simulations: int
    breadth: int
    batch: int
    exploration: float


@dataclass(eq=False, slots=True)
class Node(Generic[State]):
    """A state in the tree, with what is known of it.

    Attributes:
        state: The state; none where it is an end.
        visits: Plays that went through it.
        total: The sum of their values.
        tries: Plays that began at it.
        children: Nodes by edge, in the order in which they were found.
        is_open: Whether a play can begin now at it or below it.
    """

    state: State | None
    visits: int = 0
    total: float = 0.0
    tries: int = 0
    children: dict[Hashable, Node[State]] = field(default_factory=dict)
    is_open: bool = True

    @property
    def mean(self) -> float:
        """Mean value of the plays through it."""
        return self.total / self.visits if self.visits else 0.0


def search(
    root: State, play: Callable[[Sequence[State]], Sequence[Play[State]]], options: TreeOptions
) -> Node[State]:
    """Search from a state.

    With ``breadth`` no less than ``simulations`` every play begins at the root: plain sampling.

    Args:
        root: Where to begin.
        play: Plays each of the given states to an end. It sees all ends, and may keep them.
        options: How.

    Returns:
        The root of the tree.
    """
    tree = Node(root)
    left = options.simulations
    while left and tree.is_open:
        paths: list[list[Node[State]]] = []
        while tree.is_open and len(paths) < min(options.batch, left):
            paths.append(_descend(tree, options))
        plays = play([path[-1].state for path in paths if path[-1].state is not None])
        for path, played in zip(paths, plays, strict=True):
            _record(path, played, options.breadth)
        left -= len(paths)
    return tree


def _descend(root: Node[State], options: TreeOptions) -> list[Node[State]]:
    """The way to the next node to play from, counted as visited."""
    path = [root]
    while not _may_begin(path[-1], options.breadth):
        path.append(_most_promising(path[-1], options.exploration))
    path[-1].tries += 1
    for node in path:
        node.visits += 1
    _refresh(path, options.breadth)
    return path


def _most_promising(node: Node[State], exploration: float) -> Node[State]:
    log_visits = math.log(node.visits)
    return max(
        (child for child in node.children.values() if child.is_open),
        key=lambda child: child.mean + exploration * math.sqrt(log_visits / child.visits),
    )


def _record(path: list[Node[State]], played: Play[State], breadth: int) -> None:
    children = path[-1].children
    if played.edge not in children:
        children[played.edge] = Node(played.after, is_open=played.after is not None)
    child = children[played.edge]
    child.visits += 1
    for node in (*path, child):
        node.total += played.value
    _refresh(path, breadth)


def _may_begin(node: Node[State], breadth: int) -> bool:
    return node.tries < breadth * math.sqrt(max(node.visits, 1))


def _refresh(path: list[Node[State]], breadth: int) -> None:
    for node in reversed(path):
        node.is_open = _may_begin(node, breadth) or any(child.is_open for child in node.children.values())
