"""Options of a segmentation: one description for the command line, the worker and the panel."""

from __future__ import annotations

from dataclasses import fields

import pytest
from kdnet.cli.command import _parser
from kdnet.errors import SettingsError
from kdnet.schema.former_names import current_settings
from kdnet.schema.options import from_args, to_argv
from kdnet.schema.segmentation import GROUPS, SegmentationOptions

ALL = SegmentationOptions(True, 50.0, True, True, "none", True, "cpu", True, "off", True, True)


def test_requests_and_command_lines_hold_every_option() -> None:
    assert all(getattr(ALL, item.name) != item.default for item in fields(ALL))
    assert SegmentationOptions.from_json({"task": "batch", "out": "x", **ALL.to_json()}) == ALL
    assert SegmentationOptions.from_json({"task": "batch"}) == SegmentationOptions()
    arguments = ["segment", "model", "scan", "-o", "out", *to_argv(ALL, GROUPS)]
    assert from_args(SegmentationOptions, _parser(arguments).parse_args(arguments)) == ALL


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan")])
def test_a_volume_that_is_none_is_rejected(value: float) -> None:
    with pytest.raises(SettingsError, match="--min-component"):
        SegmentationOptions(min_component=value)


@pytest.mark.parametrize(("name", "value"), [("tta", "yes"), ("min_component", "5"), ("device", 5), ("brain", None)])
def test_requests_with_values_of_another_type_are_rejected(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        SegmentationOptions.from_json({name: value})


def test_settings_of_older_results_tables_equal_todays() -> None:
    assert current_settings("islands below 0.5 mm3 cleared, flips") == (
        "components below 0.5 mm3 removed, test-time augmentation"
    )
    for text in ("", "channel 1", "brain flips.nii 1a2b", "probabilities, mask of the brain"):
        assert current_settings(text) == text
