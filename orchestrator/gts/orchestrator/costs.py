"""What stages will cost, before they run: seconds from what the profile measured.

Coefficients were fitted by hand to runs on two cores (benchmarks/LOG.md); each forecast is kept beside the
seconds the stage really took.
"""

from __future__ import annotations

from dataclasses import replace

from gts.orchestrator.evidence import Profile, Sizes

VOCABULARY = 30_000
GENERATED_PER_LABEL = 60
"""Texts that the generator made of the user's own text is asked for."""
START_S = 5.0
"""Loading torch and a model in a fresh process."""
GUESS_S = 30.0
"""Comparing a few thousand texts with what is said of labels."""
EXPECT_S = 0.5
"""Comparing what students and teachers say of the pool."""
MINE_S = 8.0
"""Making pairs of some thousand single texts."""


LADDER = (
    Sizes(4, 20_000, 4000, 30, 150),
    Sizes(4, 10_000, 2500, 20, 80),
    Sizes(3, 6000, 2000, 20, 40),
    Sizes(3, 6000, 2000, 20, 20),
    Sizes(3, 6000, 2000, 20, 0),
    Sizes(2, 4000, 1500, 20, 0, 2000),
    Sizes(2, 3000, 1200, 20, 0, 2500),
    Sizes(2, 2000, 800, 16, 0, 3000),
    Sizes(2, 1500, 600, 12, 0, 2500),
    Sizes(2, 1200, 500, 12, 0, 2000),
    Sizes(2, 1000, 400, 12, 0, 1000),
    Sizes(2, 600, 300, 12, 0, 600),
    Sizes(2, 400, 200, 12, 0, 0),
    Sizes(2, 5000, 5000, 0, 0, encoder=False),
)
"""From lavish to frugal. The planner takes the first that the budget allows."""

_ENOUGH = LADDER[10]
"""The least a job gets that nobody gave a budget: with less text the student suffers more than the person waits."""


def train_step_s(profile: Profile, texts: int) -> float:
    """One optimizer step of the encoder: forward and backward of a small batch, and the update."""
    cut = min(1.0, max_length(profile) * 4.5 / max(1.0, profile.chars))
    return 3.7 * (profile.encode_s or 0.0) * texts * cut + 0.12


def embed_s(profile: Profile, pool: int) -> float:
    """Vectors of gold, pool and the vocabulary."""
    if profile.encode_s is None:
        return 0.0
    token_s = profile.encode_s / (profile.chars / 4.5 + 2)
    return START_S + profile.encode_s * (profile.gold + pool) + 2.3 * VOCABULARY * token_s


def teach_s(profile: Profile, learnt: int, pool: int, tune_steps: int, encoder: bool = True) -> float:
    """One fit of the portfolio on ``learnt`` gold texts; it labels the rest of gold and the pool."""
    texts = profile.gold + pool
    lexical = 0.5 + texts * 4e-6 * max(profile.chars, 20.0) + 1.5e-8 * texts**2
    if not encoder or profile.encode_s is None:
        return lexical
    graphs = 1.2e-7 * texts**2
    return (
        lexical
        + graphs
        + tune_steps * train_step_s(profile, min(64, learnt + profile.labels))
        + texts * profile.encode_s
    )


def fold_gold(profile: Profile, sizes: Sizes) -> int:
    """Gold texts that a fold learns from."""
    return profile.gold - profile.gold // sizes.folds


def distil_static_s(profile: Profile, pool: int) -> float:
    """One static student."""
    texts = profile.gold + pool
    passes = max(15 if texts > 3000 else 20, min(200, 400 * 64 // max(64, texts))) * texts
    return 1.0 + passes * (5e-5 + 3e-7 * profile.chars)


def distil_mini_s(profile: Profile, pool: int, steps: int) -> float:
    """One mini student; with end-to-end steps, its beliefs about the pool are computed anew."""
    head = 0.3 + 3e-6 * (profile.gold + pool) * profile.labels
    if not steps:
        return head
    return 2.0 + head + steps * train_step_s(profile, 40) + (profile.encode_s or 0.0) * pool


def label_s(profile: Profile, sizes: Sizes) -> float:
    """More of the pool labelled by the mini student."""
    more = min(profile.pool, sizes.pool + sizes.more_pool) - min(profile.pool, sizes.pool)
    return 1.0 + (profile.encode_s or 0.0) * more if more else 0.0


def package_s(tier: str) -> float:
    """Export, int8, measuring."""
    return 2.0 if tier == "static" else 14.0


PACKAGING_S = package_s("mini") + package_s("static")
"""What is left to be done once the students are made."""


def evaluate_s(profile: Profile, tier: str, texts: int) -> float:
    """The test file, by the student and by its seed-only twin; not part of what a budget is for."""
    return 2.0 + 2 * texts * (1e-4 if tier == "static" else profile.encode_s or 0.0)


def max_length(profile: Profile) -> int:
    """Tokens of a text that training reads: enough for nearly all of a typical text."""
    return 64 if profile.chars <= 260 else 128


def wants_generator(profile: Profile, task_type: str = "classification") -> bool:
    """Whether unlabelled text is so scarce that texts made from it may help."""
    if task_type == "classification":
        return profile.pool < 50 * profile.labels
    return profile.pool <= profile.gold


def generate_s(profile: Profile, sizes: Sizes, tier: str) -> float:
    """Generating for each fold and training a tier again with the new texts."""
    texts = GENERATED_PER_LABEL * profile.labels
    one = 2.0 + 3 * texts * (profile.encode_s or 0.0) if sizes.encoder else 2.0
    return (sizes.folds + 1) * one + student_s(profile, sizes, tier)


def seed_only_s(profile: Profile, sizes: Sizes, tier: str) -> float:
    """The seed-only twins of a tier, on every fold and on all gold."""
    one = distil_static_s(profile, 0) if tier == "static" else distil_mini_s(profile, 0, 0)
    return (sizes.folds + 1) * one


def student_s(profile: Profile, sizes: Sizes, tier: str, steps: int = 0) -> float:
    """A tier's students, on every fold and on all gold."""
    pool, fold_pool = min(profile.pool, sizes.pool), min(profile.pool, sizes.fold_pool)
    if tier == "static":
        full = distil_static_s(profile, min(profile.pool, sizes.pool + sizes.more_pool))
        return label_s(profile, sizes) + full + sizes.folds * distil_static_s(profile, fold_pool)
    return distil_mini_s(profile, pool, steps) + sizes.folds * distil_mini_s(profile, fold_pool, steps)


def teaching_s(profile: Profile, sizes: Sizes) -> float:
    """Vectors of all texts, and the portfolio fitted on every fold and on all gold."""
    pool, fold_pool = min(profile.pool, sizes.pool), min(profile.pool, sizes.fold_pool)
    total = embed_s(profile, pool) if sizes.encoder else 0.0
    learnt = fold_gold(profile, sizes)
    total += sizes.folds * teach_s(profile, learnt, fold_pool, sizes.tune_steps, sizes.encoder)
    return total + teach_s(profile, profile.gold, pool, sizes.tune_steps, sizes.encoder)


def total_s(profile: Profile, sizes: Sizes, mini: bool, generates: bool = True) -> float:
    """The whole fixed plan, with or without texts made of the user's own."""
    tiers = ("mini", "static") if mini and sizes.encoder else ("static",)
    total = START_S + teaching_s(profile, sizes)
    for tier in tiers:
        total += student_s(profile, sizes, tier) + seed_only_s(profile, sizes, tier)
        total += package_s(tier)
    if sizes.refine_steps and "mini" in tiers:
        total += student_s(profile, sizes, "mini", sizes.refine_steps)
    generates = generates and wants_generator(profile)
    return total + (generate_s(profile, sizes, tiers[0]) if generates else 0.0)


def more_s(profile: Profile, sizes: Sizes, then: Sizes) -> float:
    """Teaching again with a larger part of the pool; the tuned encoders are there, and what they have read."""
    folds, learnt = sizes.folds, fold_gold(profile, sizes)
    total = (profile.encode_s or 0.0) * (then.pool - sizes.pool)
    total += folds * (
        teach_s(profile, learnt, then.fold_pool, 0) - (profile.encode_s or 0.0) * sizes.fold_pool
    )
    total += teach_s(profile, profile.gold, then.pool, 0) - (profile.encode_s or 0.0) * sizes.pool
    return START_S + max(0.0, total)


def most_sizes(profile: Profile) -> Sizes:
    """As much of everything as helped in any trial."""
    most = LADDER[0]
    return replace(most, folds=max(2, min(most.folds, profile.smallest_label)))


def choose_sizes(profile: Profile, budget_s: float, mini: bool, is_hard: bool = True) -> Sizes:
    """The most lavish sizes whose forecast leaves a tenth of the budget spare; the least with an encoder may cost the generator.

    Args:
        profile: What there is to work with.
        budget_s: Seconds to be spent.
        mini: Whether a mini student is wanted.
        is_hard: Whether the budget may cost the encoder: so for a budget that a person set. One that nobody asked
            for only sizes a job, down to what is enough. Without an encoder at hand there is one size.
    """
    folds = max(2, min(profile.smallest_label, 4))
    if profile.encoder is None:
        rungs = [LADDER[-1]]
    else:
        rungs = list(LADDER if is_hard else LADDER[: LADDER.index(_ENOUGH) + 1])
    fitted = [replace(sizes, folds=min(sizes.folds, folds)) for sizes in rungs]
    spare_s = 0.9 * budget_s
    if fitting := next((s for s in fitted if s.encoder and total_s(profile, s, mini) <= spare_s), None):
        return fitting
    least = [s for s in fitted if s.encoder][-1:]
    return next((s for s in least if total_s(profile, s, mini, generates=False) <= spare_s), fitted[-1])
