"""The exact signed-rank test against counting by hand and against scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.evaluation.signed_rank import signed_rank_p
from scipy.stats import rankdata, wilcoxon


def counted(differences: list[int]) -> float:
    """The same by going through all choices of signs."""
    ranks = rankdata(np.abs(differences))
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product([0, 1], repeat=len(differences))
    ]
    observed = ranks[np.array(differences) > 0].sum()
    tails = (np.mean(np.array(sums) <= observed), np.mean(np.array(sums) >= observed))
    return float(min(1, 2 * min(tails)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4).filter(bool), min_size=1, max_size=8))
def test_tied_differences_are_counted_exactly(differences: list[int]) -> None:
    assert signed_rank_p(np.array(differences, float)) == pytest.approx(counted(differences))


@pytest.mark.parametrize("count", [1, 2, 5, 14, 42, 50, 51, 200])
def test_without_ties_it_is_what_scipy_says(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.1, 1, count)
    assert signed_rank_p(differences) == pytest.approx(wilcoxon(differences).pvalue)


def test_pairs_that_do_not_differ_are_excluded() -> None:
    assert signed_rank_p(np.array([0, 0.3, 0, -0.1, 0.2])) == signed_rank_p(np.array([0.3, -0.1, 0.2]))
    assert signed_rank_p(np.zeros(7)) == 1
