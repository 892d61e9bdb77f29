"""The options of a study are described once: parser, arguments and record are derived from the same fields."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.errors import SettingsError
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.options import add_options, options
from kdnet.schema.study_request import GROUPS, StudyOptions, StudyRequest, StudySettings, study_options

names = st.text("abct12", min_size=1, max_size=4)
requests = st.builds(
    StudyOptions,
    data=st.just(Path("/data/my brats")),
    students=st.lists(st.lists(names, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2, unique_by=frozenset).map(
        tuple
    ),
    modalities=st.lists(names, max_size=3, unique=True).map(tuple),
    teacher=st.sampled_from([None, Path("teacher.safetensors")]),
    epochs=st.sampled_from([0.0, 2.5, 100.0]),
    seeds=st.sampled_from([(0,), (0, 1), (7,)]),
    folds=st.sampled_from([(), (0,), (0, 2, ALL_CASES)]),
    fold_count=st.sampled_from([0, 5]),
    excluded=st.lists(names, max_size=2).map(tuple),
    device=st.sampled_from(["auto", "cpu"]),
    threads=st.sampled_from([0, 2]),
    recipe=st.sampled_from(["fast", "demo"]),
    settings=st.sampled_from([{}, {"steps": "5", "network": "segresnet-4"}]),
    labels=st.sampled_from(["auto", "brats", "1=Lesion,2=Core"]),
)


def parse(arguments: list[str]) -> StudyOptions:
    parser = argparse.ArgumentParser()
    add_options(parser, StudyOptions, GROUPS)
    return study_options(parser.parse_args(arguments))


@given(requests)
def test_arguments_reproduce_the_options(request: StudyOptions) -> None:
    command, *arguments = request.arguments("plan")
    assert command == "plan"
    assert parse(arguments) == request


def test_defaults_are_excluded_except_the_recipe() -> None:
    request = StudyOptions(Path("data"), (("t1ce",),))
    assert request.arguments() == ["study", "data", "--student", "t1ce", "--recipe", "fast"]


def test_settings_of_the_panel_are_written_as_json() -> None:
    request = StudyOptions(
        Path("data"), (("t1ce",),), settings={"steps": 5, "patch": [16, 16, 16], "network": "segresnet-4"}
    )
    assert request.arguments()[-6:] == ["--set", "steps=5", "--set", "patch=[16, 16, 16]", "--set", "network=segresnet-4"]
    assert request.resolve().recipe == parse(request.arguments()[1:]).resolve().recipe


def test_every_option_has_a_help_text_and_a_known_group() -> None:
    described = options(StudyOptions)
    assert set(described) == {item.name for item in fields(StudyOptions)}
    assert all(item.help and item.group in ("", *GROUPS) for item in described.values())


def test_a_request_keeps_what_the_options_say() -> None:
    chosen = StudyOptions(Path("data"), (("t1ce",),), seeds=(1, 2), excluded=("a",), labels="1=Lesion")
    request = chosen.resolve("kdnet study data")
    for item in fields(StudySettings):
        assert getattr(request, item.name) == getattr(chosen, item.name)
    assert request.labels is not None
    assert request.labels.labels[0].name == "Lesion"


def test_a_record_is_read_as_it_was_written() -> None:
    chosen = StudyOptions(Path("data"), (("t1ce",), ("t1", "t2")), teacher=Path("t.safetensors"), minutes=3.5, folds=(0,))
    request = chosen.resolve("kdnet study data")
    again = StudyRequest.from_json(json.loads(json.dumps(request.to_json())))
    assert again == replace(request, data=request.data.resolve(), teacher=Path("t.safetensors").resolve())


@pytest.mark.parametrize("text", ["a", "1.5", "0,,x"])
def test_seeds_that_are_not_integers_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--seeds"):
        parse(["data", "--student", "t1ce", "--seeds", text])


@pytest.mark.parametrize("text", ["t1ce,t1ce", "t1+t2,t1ce,T2+t1"])
def test_a_student_that_is_named_twice_is_refused_before_any_data_are_read(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--student names t\S+ twice"):
        parse(["data", "--student", text])


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(SettingsError, match="name=value"):
        parse(["data", "--student", "t1ce", "--set", "steps"])
