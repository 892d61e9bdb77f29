"""The confidence in a lesion, as part of a model card."""

from __future__ import annotations

import math

import pytest
from kdnet.errors import SettingsError
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.lesion_confidence import LesionConfidence, logistic, logit


def test_it_is_a_logistic_function_of_the_peaks() -> None:
    found = LesionConfidence("WT", {"WT": 1.5, "TC": 0.5}, -2.0, 0.3)
    expected = 1 / (1 + math.exp(-(-2.0 + 1.5 * math.log(0.9 / 0.1) + 0.5 * math.log(0.2 / 0.8))))
    assert found.of({"WT": 0.9, "TC": 0.2, "ET": 0.1}) == pytest.approx(expected)
    assert found.of({"WT": 0.95, "TC": 0.2}) > found.of({"WT": 0.9, "TC": 0.2})
    assert found.of({"WT": 0.9, "TC": 0.2}, 0.7) == pytest.approx(expected)
    symmetric = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.3, symmetry=2.0)
    assert symmetric.of({"WT": 0.5}, 0.5) == pytest.approx(logistic(-1.0))


def test_certainty_that_percent_cannot_express_is_limited() -> None:
    assert logit(1.0) == logit(0.999)
    assert logit(0.0) == -logit(1.0)
    assert logistic(-1e4) == 0


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"limit": 1.5}, "from 0 to 1"),
        ({"weights": {}}, "weights"),
        ({"weights": {"WT": 1e9}}, "weights"),
        ({"intercept": float("nan")}, "weights"),
        ({"symmetry": -1.0}, "symmetry"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, object], problem: str) -> None:
    fine: dict[str, object] = {"region": "WT", "weights": {"WT": 1.0}, "intercept": 0.0, "limit": 0.5}
    with pytest.raises(SettingsError, match=problem):
        LesionConfidence(**(fine | values))  # type: ignore[arg-type]


def test_regions_must_be_those_of_the_model() -> None:
    found = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5)
    found.check_fits(brats_labels())
    with pytest.raises(SettingsError, match='"WT", which is none of lesion'):
        found.check_fits(exclusive_labels({1: "lesion"}))
