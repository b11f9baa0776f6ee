"""What stages will cost, before they run: seconds from what the profile measured.

Coefficients were fitted by hand to runs on two cores (benchmarks/LOG.md); each forecast is kept beside the
seconds the stage really took.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gts.orchestrator.evidence import Profile

VOCABULARY = 30_000
START_S = 5.0
"""Loading torch and a model in a fresh process."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything a job uses; chosen once, by :func:`choose_sizes`.

    Attributes:
        folds: Folds of the cross-fitting.
        pool: Pool texts taught for the published student.
        fold_pool: Pool texts taught for each fold's student.
        tune_steps: Steps of contrastive tuning.
        mini_steps: Steps of the published mini student.
        fold_mini_steps: Steps of each fold's mini student.
        encoder: Whether the encoder is used at all.
    """

    folds: int
    pool: int
    fold_pool: int
    tune_steps: int
    mini_steps: int
    fold_mini_steps: int
    encoder: bool = True


LADDER = (
    Sizes(4, 20_000, 4000, 80, 300, 150),
    Sizes(4, 10_000, 2500, 60, 160, 80),
    Sizes(3, 6000, 1500, 40, 100, 50),
    Sizes(3, 6000, 1000, 40, 60, 30),
    Sizes(2, 6000, 1000, 40, 60, 30),
    Sizes(2, 4000, 800, 30, 40, 20),
    Sizes(2, 2000, 500, 20, 20, 20),
    Sizes(2, 5000, 5000, 0, 0, 0, encoder=False),
)
"""From lavish to frugal. The planner takes the first that the budget allows."""


def train_step_s(profile: Profile, texts: int, max_length: int) -> float:
    """One optimizer step of the encoder: forward, backward (about twice that) and the update."""
    cut = min(1.0, max_length * 4.5 / max(1.0, profile.chars))
    return 2.6 * (profile.encode_s or 0.0) * texts * cut + 0.08


def embed_s(profile: Profile, pool: int) -> float:
    """Vectors of gold, pool and the vocabulary."""
    if profile.encode_s is None:
        return 0.0
    return START_S + profile.encode_s * (profile.gold + pool) + 5.0


def teach_s(profile: Profile, pool: int, tune_steps: int, encoder: bool = True) -> float:
    """One fit of the portfolio."""
    texts = profile.gold + pool
    lexical = 0.5 + texts * 4e-6 * max(profile.chars, 20.0) + 1.5e-8 * texts**2
    if not encoder or profile.encode_s is None:
        return lexical
    graphs = 1.2e-7 * texts**2
    return lexical + graphs + tune_steps * train_step_s(profile, 64, 128) + texts * profile.encode_s


def distil_static_s(profile: Profile, pool: int, encoder: bool, full: bool) -> float:
    """One static student."""
    texts = profile.gold + pool
    passes = max(15 if texts > 3000 else 20, min(200, 400 * 64 // max(64, texts))) * texts
    table = (4.0 if full else 1.5) if encoder else 1.0
    return table + passes * (5e-5 + 3e-7 * profile.chars)


def distil_mini_s(profile: Profile, pool: int, steps: int, max_length: int) -> float:
    """One mini student, its beliefs about the pool included."""
    return (
        1.0
        + steps * train_step_s(profile, 40, max_length)
        + (profile.encode_s or 0.0) * (pool + profile.test)
    )


def package_s(tier: str, test: int) -> float:
    """Export, int8, measuring."""
    return (4.0 if tier == "static" else 16.0) + test * (1e-4 if tier == "static" else 4e-3)


def max_length(profile: Profile) -> int:
    """Tokens of a text that training reads: enough for nearly all of a typical text."""
    return 64 if profile.chars <= 260 else 128


def total_s(profile: Profile, sizes: Sizes, mini: bool) -> float:
    """The whole fixed plan, generator aside."""
    pool, fold_pool = min(profile.pool, sizes.pool), min(profile.pool, sizes.fold_pool)
    folds, longest = sizes.folds, max_length(profile)
    total = embed_s(profile, pool) if sizes.encoder else 0.0
    total += folds * teach_s(profile, fold_pool, sizes.tune_steps, sizes.encoder)
    total += teach_s(profile, pool, sizes.tune_steps, sizes.encoder)
    total += folds * distil_static_s(profile, fold_pool, sizes.encoder, full=False)
    total += distil_static_s(profile, pool, sizes.encoder, full=True) + package_s("static", profile.test)
    total += (folds + 1) * distil_static_s(profile, 0, sizes.encoder, full=False)
    if mini and sizes.encoder:
        total += folds * distil_mini_s(profile, fold_pool, sizes.fold_mini_steps, longest)
        total += distil_mini_s(profile, pool, sizes.mini_steps, longest) + package_s("mini", profile.test)
        total += (folds + 1) * distil_mini_s(profile, 0, 0, longest)
    return total


def choose_sizes(profile: Profile, budget_s: float, mini: bool, is_hard: bool = True) -> Sizes:
    """The most lavish sizes whose forecast leaves a tenth of the budget spare.

    Args:
        profile: What there is to work with.
        budget_s: Seconds to be spent.
        mini: Whether a mini student is wanted.
        is_hard: Whether a person set the budget. If so the last rung (no encoder) is taken when nothing else
            fits; a budget nobody asked for does not cost the encoder. Without an encoder at hand it is the
            only rung.
    """
    folds = max(2, min(profile.smallest_label, 4))
    rungs = [sizes for sizes in LADDER if sizes.encoder == (profile.encoder is not None)]
    if rungs[0].encoder and is_hard:
        rungs.append(LADDER[-1])
    fitted = [replace(sizes, folds=min(sizes.folds, folds)) for sizes in rungs]
    return next((s for s in fitted if total_s(profile, s, mini) <= 0.9 * budget_s), fitted[-1])
