"""The Wilcoxon signed-rank test, exact for few cases even with tied differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXACT_CASES = 50
"""With more pairs the normal approximation is as good, as in scipy."""


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """Compute the two-sided p value of paired ``differences``; 1 when all are zero.

    Pairs that do not differ are excluded, as in Wilcoxon's original test; tied differences share their mean rank. The exact
    distribution counts all possible signs. (SciPy's exact method does not handle ties: depending on its version, it falls
    back to a normal approximation or to slow enumeration.)

    Example:
        >>> import numpy as np
        >>> signed_rank_p(np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.1]))  # 2 of the 64 ways to choose six signs
        0.03125
    """
    from scipy.stats import rankdata, wilcoxon  # noqa: PLC0415 - as slow to import as all else that reads results

    present = differences[differences != 0]
    if not len(present):
        return 1.0
    if len(present) > EXACT_CASES:
        return float(wilcoxon(present, method="approx").pvalue)
    doubled = np.rint(2 * rankdata(np.abs(present))).astype(int)  # mean ranks are integers or half-integers
    chances = np.ones(1)
    for rank in doubled:
        longer = np.zeros(len(chances) + rank)
        longer[: len(chances)] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    observed = int(doubled[present > 0].sum())
    tail = min(chances[: observed + 1].sum(), chances[observed:].sum())
    return float(min(1.0, 2 * tail))
