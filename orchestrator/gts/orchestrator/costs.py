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
        mini_steps: Steps of the published mini student; 0: no mini student.
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
    Sizes(2, 3000, 600, 25, 30, 20),
    Sizes(2, 2000, 500, 20, 20, 20),
    Sizes(2, 2000, 500, 20, 0, 0),
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
    return (
        lexical
        + graphs
        + tune_steps * train_step_s(profile, min(64, profile.gold), max_length(profile))
        + texts * profile.encode_s
    )


def distil_static_s(profile: Profile, pool: int, encoder: bool, full: bool) -> float:
    """One static student."""
    texts = profile.gold + pool
    passes = max(15 if texts > 3000 else 20, min(200, 400 * 64 // max(64, texts))) * texts
    table = (4.0 if full else 1.5) if encoder else 1.0
    return table + passes * (5e-5 + 3e-7 * profile.chars)


def distil_mini_s(profile: Profile, pool: int, steps: int, max_length: int) -> float:
    """One mini student, its beliefs about the pool included."""
    return 1.0 + steps * train_step_s(profile, 40, max_length) + (profile.encode_s or 0.0) * pool


def package_s(tier: str, test: int) -> float:
    """Export, int8, measuring."""
    return (4.0 if tier == "static" else 16.0) + test * (1e-4 if tier == "static" else 4e-3)


def max_length(profile: Profile) -> int:
    """Tokens of a text that training reads: enough for nearly all of a typical text."""
    return 64 if profile.chars <= 260 else 128


def wants_generator(profile: Profile) -> bool:
    """Whether unlabelled text is so scarce that texts made from it may help."""
    return profile.pool < 50 * profile.labels


def generate_s(profile: Profile, sizes: Sizes, tier: str) -> float:
    """Generating for each fold and training a tier again with the new texts."""
    generating = (sizes.folds + 1) * (4.0 if sizes.encoder else 2.0)
    return generating + student_s(profile, sizes, tier) - seed_only_s(profile, sizes, tier)


def seed_only_s(profile: Profile, sizes: Sizes, tier: str) -> float:
    """The seed-only twins of a tier, on every fold and on all gold."""
    if tier == "static":
        return (sizes.folds + 1) * distil_static_s(profile, 0, sizes.encoder, full=False)
    test = (profile.encode_s or 0.0) * profile.test  # predicted once, by the fit on all gold
    return (sizes.folds + 1) * distil_mini_s(profile, 0, 0, max_length(profile)) + test


def student_s(profile: Profile, sizes: Sizes, tier: str) -> float:
    """A tier's students and their seed-only twins, on every fold and on all gold."""
    pool, fold_pool = min(profile.pool, sizes.pool), min(profile.pool, sizes.fold_pool)
    if tier == "static":
        full = distil_static_s(profile, pool, sizes.encoder, full=True)
        fold = distil_static_s(profile, fold_pool, sizes.encoder, full=False)
    else:
        longest = max_length(profile)
        full = distil_mini_s(profile, pool, sizes.mini_steps, longest)
        fold = distil_mini_s(profile, fold_pool, sizes.fold_mini_steps, longest)
    return full + sizes.folds * fold + seed_only_s(profile, sizes, tier)


def teaching_s(profile: Profile, sizes: Sizes) -> float:
    """Vectors of all texts, and the portfolio fitted on every fold and on all gold."""
    pool, fold_pool = min(profile.pool, sizes.pool), min(profile.pool, sizes.fold_pool)
    total = embed_s(profile, pool) if sizes.encoder else 0.0
    total += sizes.folds * teach_s(profile, fold_pool, sizes.tune_steps, sizes.encoder)
    return total + teach_s(profile, pool, sizes.tune_steps, sizes.encoder)


def total_s(profile: Profile, sizes: Sizes, mini: bool) -> float:
    """The whole fixed plan."""
    tiers = ("mini", "static") if mini and sizes.mini_steps else ("static",)
    total = START_S + teaching_s(profile, sizes)
    total += sum(student_s(profile, sizes, tier) + package_s(tier, profile.test) for tier in tiers)
    return total + (generate_s(profile, sizes, tiers[0]) if wants_generator(profile) else 0.0)


def choose_sizes(profile: Profile, budget_s: float, mini: bool, is_hard: bool = True) -> Sizes:
    """The most lavish sizes whose forecast leaves a tenth of the budget spare.

    Args:
        profile: What there is to work with.
        budget_s: Seconds to be spent.
        mini: Whether a mini student is wanted.
        is_hard: Whether the budget may cost the mini student and, after it, the encoder: so for a budget that
            a person set. One that nobody asked for only sizes a job. Without an encoder at hand there is one
            size.
    """
    folds = max(2, min(profile.smallest_label, 4))
    if profile.encoder is None:
        rungs = [LADDER[-1]]
    else:
        rungs = [sizes for sizes in LADDER if is_hard or sizes.mini_steps]
    fitted = [replace(sizes, folds=min(sizes.folds, folds)) for sizes in rungs]
    return next((s for s in fitted if total_s(profile, s, mini) <= 0.9 * budget_s), fitted[-1])
