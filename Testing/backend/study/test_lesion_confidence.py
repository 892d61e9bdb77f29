"""Learning how often a model is right about a lesion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kdnet.errors import DataError
from kdnet.schema.labels import brats_labels, post_treatment_labels
from kdnet.study.lesion_confidence import Observation, Seen, figures, learn, read_heads, without_doubtful

BRATS = brats_labels()


def seen(whole: float, *, real: bool, milliliters: float = 10.0, mirrored: float = 0.0) -> Seen:
    return Seen({"WT": whole, "TC": whole / 2, "ET": whole / 4}, milliliters, real, mirrored)


def observed(*, overlap: float = 0.0, people: int = 30) -> list[Observation]:
    """People with a tumor of which the network is sure and a doubtful part, and people with a doubtful part alone."""
    random = np.random.default_rng(0)
    sure, unsure = random.uniform(0.9 - overlap, 0.99, people), random.uniform(0.5, 0.7 + overlap, (2, people))
    with_tumor = [
        Observation(f"T{n}", True, (seen(sure[n], real=True), seen(unsure[0, n], real=False, milliliters=1.0)))
        for n in range(people)
    ]
    return [*with_tumor, *(Observation(f"H{n}", False, (seen(unsure[1, n], real=False),)) for n in range(people))]


def test_sure_lesions_are_told_from_doubtful_ones() -> None:
    cases = observed()
    learned = learn(cases, BRATS)
    assert learned.region == "WT"
    assert all(weight >= 0 for weight in learned.weights.values())
    for item in cases:
        left = without_doubtful(item, learned)
        assert [lesion.real for lesion in left.lesions] == [True] * item.tumor
    tested = figures(cases, BRATS)
    assert (tested["tumors_kept"], tested["heads_small_before"], tested["heads_small"]) == (30, 0, 30)
    assert max(tested["error_real"], tested["error_false"]) < 0.15


def test_few_tumors_are_lost_where_certainty_says_little() -> None:
    cases = observed(overlap=0.25, people=80)
    learned = learn(cases, BRATS)
    kept = sum(without_doubtful(item, learned).found for item in cases)
    assert 76 <= kept <= 80
    assert learned.limit < 0.5
    confidences = {
        real: [learned.of(x.peaks) for case in cases for x in case.lesions if x.real is real] for real in (True, False)
    }
    assert 0.5 < np.mean(confidences[True]) < 1
    assert 0 < np.mean(confidences[False]) < 0.5


def test_symmetry_tells_what_certainty_does_not() -> None:
    random = np.random.default_rng(0)
    tumors = [Observation(f"T{n}", True, (seen(0.95, real=True, mirrored=random.uniform(0, 0.4)),)) for n in range(30)]
    heads = [Observation(f"H{n}", False, (seen(0.95, real=False, mirrored=random.uniform(0.6, 1)),)) for n in range(30)]
    tested = figures([*tumors, *heads], BRATS)
    assert (tested["tumors_kept"], tested["heads_small_before"], tested["heads_small"]) == (30, 0, 30)
    learned = learn([*tumors, *heads], BRATS)
    assert learned.symmetry > 0
    assert learned.of(tumors[0].lesions[0].peaks, 0.9) < 0.5 < learned.of(tumors[0].lesions[0].peaks, 0.1)


def test_the_share_of_real_lesions_in_the_cases_does_not_matter() -> None:
    cases = observed(overlap=0.25, people=80)
    twice = [*cases, *(item for item in cases if not item.tumor)]
    peaks = seen(0.75, real=True).peaks
    assert learn(twice, BRATS).of(peaks) == pytest.approx(learn(cases, BRATS).of(peaks), abs=0.1)


def test_too_few_lesions_are_refused() -> None:
    with pytest.raises(DataError, match="30 real and 0 false"):
        learn([Observation(f"T{n}", True, (seen(0.9, real=True),)) for n in range(30)], BRATS)


def test_models_with_several_kinds_of_lesions_are_refused() -> None:
    with pytest.raises(DataError, match="several kinds of lesions"):
        learn(observed(), post_treatment_labels())


def test_people_without_tumor_are_listed_in_a_table(tmp_path: Path) -> None:
    table = tmp_path / "heads.csv"
    table.write_text("scan,person\na.nii.gz,P1\nb_t1.nii.gz; b_t2.nii.gz,P2\n")
    first, second = read_heads(table)
    assert (first.person, first.files) == ("P1", (tmp_path / "a.nii.gz",))
    assert second.files == (tmp_path / "b_t1.nii.gz", tmp_path / "b_t2.nii.gz")
    table.write_text("file\na.nii.gz\n")
    with pytest.raises(DataError, match="columns scan, person"):
        read_heads(table)
