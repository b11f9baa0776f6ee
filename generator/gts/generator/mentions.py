"""Replacing the mentions of a text by others of the same type, each from another of the user's texts."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from gts.generator.carrying import Edit, Place, edited
from gts.generator.marked import Gold
from gts.tasks.structures import Structure
from gts.tasks.text import same_text_key

Uses = tuple[tuple[str, ...], ...]
"""What a part of a text is: an entity of a type, head or tail of a relation, trigger or argument of an event."""

_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_ENDS = ".!?。！？…\n"
_ENTITY, _TRIGGER = "entity", "trigger"


class Mentions:
    """The mentions of the user's texts by what they are.

    A mention stands for others of its entity types; without any, for those that play its part in relations and events. Mentions
    that hold others are left as they are and grow or shrink with these; so are triggers, for the rest of the sentence hangs on
    them.

    Args:
        gold: The user's texts.
    """

    def __init__(self, gold: Sequence[Gold]) -> None:
        self._inner = {
            word[0]
            for text, _ in gold
            for word in _WORD.finditer(text)
            if not opens_sentence(text, word.start())
        }
        known: dict[Uses, dict[str, None]] = defaultdict(dict)
        for text, structure in gold:
            for place, uses in replaceable(structure).items():
                known[uses][self._as_inside(text, place)] = None
        self._known = {uses: list(words) for uses, words in known.items()}

    def replaced(self, text: str, structure: Structure, rng: random.Random) -> tuple[str, Structure] | None:
        """A text with some of its mentions replaced, those of the same words alike; ``None`` where no other is known for any."""
        groups: dict[tuple[Uses, str], list[Place]] = defaultdict(list)
        for place, uses in sorted(replaceable(structure).items()):
            groups[uses, same_text_key(text[slice(*place)])].append(place)
        others = {
            group: [words for words in self._known.get(group[0], ()) if same_text_key(words) != group[1]]
            for group in groups
        }
        possible = [group for group in groups if others[group]]
        if not possible:
            return None
        edits = []
        for group in rng.sample(possible, rng.randint(1, len(possible))):
            words = rng.choice(others[group])
            edits += [Edit(*place, _fitting(words, text, place)) for place in groups[group]]
        return edited(text, structure, edits)

    def _as_inside(self, text: str, place: Place) -> str:
        """The words of a mention as they stand inside a sentence, as far as the user's texts show that."""
        words = text[slice(*place)]
        first = _WORD.match(words)
        if first is None or not opens_sentence(text, place[0]):
            return words
        lowered = first[0][0].lower() + first[0][1:]
        is_name = first[0] in self._inner or lowered not in self._inner
        return words if is_name else lowered + words[first.end() :]


def replaceable(structure: Structure) -> Mapping[Place, Uses]:
    """The parts of a text that others can stand in for, with what they are."""
    uses = uses_of(structure)
    return {
        place: _decisive(own)
        for place, own in uses.items()
        if not any(use[0] == _TRIGGER for use in own)
        and not any(_is_disturbed(place, other) for other in uses if other != place)
    }


def uses_of(structure: Structure) -> Mapping[Place, Uses]:
    """All that every part of a text is.

    Example:
        >>> from gts.tasks.structures import Span
        >>> uses_of(Structure((Span(0, 3, "person"),)))
        {(0, 3): (('entity', 'person'),)}
    """
    found: dict[Place, set[tuple[str, ...]]] = defaultdict(set)
    for entity in structure.entities:
        found[entity.start, entity.end].add((_ENTITY, entity.type))
    for relation in structure.relations:
        found[relation.head.start, relation.head.end].add(("head", relation.type))
        found[relation.tail.start, relation.tail.end].add(("tail", relation.type))
    for event in structure.events:
        found[event.trigger.start, event.trigger.end].add((_TRIGGER, event.type))
        for part in event.arguments:
            found[part.start, part.end].add(("argument", event.type, part.role))
    return {place: tuple(sorted(uses)) for place, uses in found.items()}


def opens_sentence(text: str, at: int) -> bool:
    """Whether nothing but signs stands between a place and the end of the sentence before it.

    Example:
        >>> opens_sentence('He left. "Ada" wrote', 10), opens_sentence("He left", 3)
        (True, False)
    """
    for char in reversed(text[:at]):
        if char in _SENTENCE_ENDS:
            return True
        if char.isalnum():
            return False
    return True


def _decisive(uses: Uses) -> Uses:
    typed = tuple(use for use in uses if use[0] == _ENTITY and use[1])
    return typed or tuple(use for use in uses if use[0] != _ENTITY) or uses


def _is_disturbed(place: Place, other: Place) -> bool:
    """Whether another place begins or ends inside a place."""
    overlap = place[0] < other[1] and other[0] < place[1]
    return overlap and not (other[0] <= place[0] and place[1] <= other[1])


def _fitting(words: str, text: str, place: Place) -> str:
    """Words for a place, with a capital where those that stand there have one because they open a sentence."""
    upper = words[0].upper()
    has_capital = text[place[0]].isupper() and opens_sentence(text, place[0])
    return upper + words[1:] if has_capital and len(upper) == 1 else words
