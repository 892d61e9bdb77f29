"""Settings and progress of a preparation."""

from __future__ import annotations

import json

import pytest
from kdnet.errors import SettingsError
from kdnet.schema.raw_studies import CurationProgress, CurationSettings


def test_settings_and_progress_survive_json() -> None:
    settings = CurationSettings(("t1", "flair"), "flair", 1.0, "none", force=True)
    assert CurationSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    for progress in (CurationProgress(files=200), CurationProgress(5, 2, 1, 0, "P1", "no T1", 12.5)):
        assert CurationProgress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


def test_modalities_may_be_written_in_any_way() -> None:
    assert CurationSettings.parse_modalities("T1w, T1Gd,t2f") == ("t1", "t1ce", "flair")


@pytest.mark.parametrize("modalities", [(), ("t1", "t1"), ("pet",)])
def test_wrong_modalities_are_refused(modalities: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="--modalities"):
        CurationSettings(modalities)
    with pytest.raises(SettingsError, match="--brain"):
        CurationSettings(brain="bet")
