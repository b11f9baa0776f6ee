"""What language models will cost, and how much they can be asked with what is left of time, tokens and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gts.orchestrator.costs import PACKAGING_S, generate_s, package_s, seed_only_s, student_s
from gts.orchestrator.evidence import Evidence, Profile

EXAMINE_S = 15.0
"""Asking a language model of unknown speed a few questions."""
POOL_SHARE = 1.5
"""Questions for each pool text that is asked about: once for the student, and half as many for those of the folds."""
_ASKING_S = 120.0
"""Time for asking about the pool in a job that nobody gave a time."""
_MOST_ASKED, _FEWEST_ASKED = 2000, 20
_WRITERS_SHARE, _MOST_WRITERS_SHARE = 0.25, 0.5
"""Share of time, tokens and money that is kept for each language model that a task names as a writer; at most for all."""
_WRITTEN_PER_LABEL, _FEWEST_WRITTEN = 30, 3
"""Texts that a language model is asked for: at most, and at least to be asked at all."""
_WRITTEN_TOKENS = 120
"""Tokens a text takes beside its own: its share of the prompt."""
_TUNING = 3.0
"""Time of a token that a model is tuned on, in that of one it reads: forward, and twice as much back."""
_WRITING_S = 180.0
"""Time for a language model's writing in a job that nobody gave a time."""


@dataclass(frozen=True)
class Toll:
    """What something takes."""

    seconds: float = 0.0
    tokens: float = 0.0
    money: float = 0.0

    def times(self, count: float) -> Toll:
        """So many times as much."""
        return Toll(self.seconds * count, self.tokens * count, self.money * count)


@dataclass(frozen=True)
class Writing:
    """What a language model can be asked to write.

    Attributes:
        count: Texts for each label; 0 where it would be too few to make a difference.
        seconds: What that takes, with the training of a student of it.
        lacking: What there is too little of, in words, where the count is 0.
    """

    count: int
    seconds: float = 0.0
    lacking: str = ""


def texts_to_ask(evidence: Evidence, facts: Mapping[str, Any], spared: int = 0) -> int:
    """Pool texts that a language model can be asked about with what is left of time, tokens and money.

    What named writers may need is spared for them.

    Args:
        evidence: What is left.
        facts: ``text_seconds``, ``text_tokens`` and ``text_money`` of one text.
        spared: Gold texts that are to be asked about first.

    Returns:
        0 where it would be too few to make a difference.
    """
    profile, sizes = evidence.profile, evidence.sizes
    left_s = _ASKING_S
    if evidence.spec.budget.seconds is not None:
        students = sum(
            student_s(profile, sizes, tier) + seed_only_s(profile, sizes, tier) + package_s(tier)
            for tier in (("mini", "static") if sizes.encoder else ("static",))
        )
        left_s = evidence.left_s - students
    kept = kept_for_writers(evidence)
    if evidence.spec.budget.seconds is not None:
        left_s -= kept.seconds
    limits = [float(min(profile.pool, sizes.pool, _MOST_ASKED))]
    for left, each in (
        (left_s, facts["text_seconds"]),
        (_less(evidence.left_tokens, kept.tokens), facts["text_tokens"]),
        (_less(evidence.left_money, kept.money), facts["text_money"]),
    ):
        if left is not None and each > 0:
            limits.append((left / each - spared) / POOL_SHARE)
    count = int(min(limits))
    return count if count >= _FEWEST_ASKED else 0


def write_s(profile: Profile, facts: Mapping[str, Any]) -> float:
    """One text written by a language model, among many."""
    own = profile.chars / 3.5 * float(facts["tries"])
    if not facts["tokens_per_second"]:  # a server that counts no tokens
        return float(facts["text_seconds"]) * own / 4
    return own / float(facts["tokens_per_second"]) / float(facts["at_once"])


def tune_s(facts: Mapping[str, Any]) -> float:
    """Tuning a language model on one fold's texts."""
    if not facts["text_tokens"]:
        return 0.0
    return float(_TUNING * facts["tuning_tokens"] * facts["text_seconds"] / facts["text_tokens"])


def writers_share(writers: int) -> float:
    """Share of what may be spent that is kept for so many writers.

    Example:
        >>> writers_share(0), writers_share(1), writers_share(5)
        (0.0, 0.25, 0.5)
    """
    return min(_MOST_WRITERS_SHARE, _WRITERS_SHARE * writers)


def kept_for_writers_s(evidence: Evidence) -> float:
    """Seconds of a person's budget that are kept for the writers it names; none where nobody set one."""
    return kept_for_writers(evidence).seconds if evidence.spec.budget.seconds is not None else 0.0


def is_spent(evidence: Evidence, facts: Mapping[str, Any], texts: int) -> str:
    """What there is too little of to ask a language model about so many texts: ``tokens``, ``money`` or nothing."""
    for left, each, what in (
        (evidence.left_tokens, facts["text_tokens"], "tokens"),
        (evidence.left_money, facts["text_money"], "money"),
    ):
        if left is not None and (left <= 0 or left < each * texts):
            return what
    return ""


def texts_to_write(evidence: Evidence, facts: Mapping[str, Any], training_s: float) -> Writing:
    """Texts for each label that a language model can be asked for with what is left of time, tokens and money.

    Args:
        evidence: What is left; of several writers that wait each has its share.
        facts: What was seen of the model (summary of stage ``examine``).
        training_s: Seconds it takes to judge the texts and to train students of them.
    """
    profile, fits = evidence.profile, evidence.sizes.folds + 1
    waiting = max(1, len(evidence.waiting_writers))
    texts = profile.labels * fits
    each = _written(evidence, facts).times(texts)
    around_s = training_s + fits * tune_s(facts)
    fixed, left_s = 0.0, _WRITING_S
    if evidence.spec.budget.seconds is not None:
        fixed = around_s
        left_s = (evidence.left_s - PACKAGING_S) / waiting
    count, lacking = float(_WRITTEN_PER_LABEL), ""
    for left, needed, first, words in (
        (left_s, each.seconds, fixed, "{:,.0f} s"),
        (_part(evidence.left_tokens, waiting), each.tokens, 0.0, "{:,.0f} tokens"),
        (_part(evidence.left_money, waiting), each.money, 0.0, "{:.4g} of money"),
    ):
        if left is None or needed <= 0 or (left - first) / needed >= count:
            continue
        count = (left - first) / needed
        least = words.format(first + _FEWEST_WRITTEN * needed)
        lacking = f"at least {least} were needed, {words.format(max(0.0, left))} were left for it"
    if count < _FEWEST_WRITTEN:
        return Writing(0, lacking=lacking)
    return Writing(int(count), around_s + int(count) * each.seconds)


def writing_toll(evidence: Evidence, facts: Mapping[str, Any], training_s: float) -> Toll:
    """What a language model takes that writes as much as there is room for, for every fold and for all gold."""
    count = texts_to_write(evidence, facts, training_s).count
    return _written(evidence, facts).times(count * evidence.profile.labels * (evidence.sizes.folds + 1))


def _written(evidence: Evidence, facts: Mapping[str, Any]) -> Toll:
    """One text written, and the judges of the ensemble asked about it."""
    profile = evidence.profile
    tokens = profile.chars / 3.5 * facts["tries"] + _WRITTEN_TOKENS
    price = facts["text_money"] / facts["text_tokens"] if facts["text_tokens"] else 0.0
    judged = [evidence.examined[name] for name in evidence.judges]
    return Toll(
        write_s(profile, facts) + sum(judge["text_seconds"] for judge in judged),
        tokens + sum(judge["text_tokens"] for judge in judged),
        tokens * price + sum(judge["text_money"] for judge in judged),
    )


def kept_for_writers(evidence: Evidence) -> Toll:
    """What writers are going to need, and at most their share."""
    profile, sizes = evidence.profile, evidence.sizes
    known = [evidence.examined[name] for name in evidence.waiting_writers if name in evidence.examined]
    share = writers_share(len(known))
    most = [
        _written(evidence, facts).times(_WRITTEN_PER_LABEL * profile.labels * (sizes.folds + 1))
        for facts in known
    ]
    tier = "mini" if sizes.encoder else "static"
    fixed_s = sum(generate_s(profile, sizes, tier) + (sizes.folds + 1) * tune_s(facts) for facts in known)
    return Toll(
        min(share * evidence.budget_s, fixed_s + sum(toll.seconds for toll in most)),
        min(share * (evidence.left_tokens or 0), sum(toll.tokens for toll in most)),
        min(share * (evidence.left_money or 0.0), sum(toll.money for toll in most)),
    )


def _less(left: float | None, kept: float) -> float | None:
    return None if left is None else left - kept


def _part(left: float | None, count: int) -> float | None:
    return None if left is None else left / count
