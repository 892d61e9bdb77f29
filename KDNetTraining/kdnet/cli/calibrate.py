"""``kdnet calibrate``: how often a model is right about a lesion."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from kdnet.data.dataset import Case
from kdnet.data.formats.detect import read_dataset
from kdnet.device import choose_device
from kdnet.errors import DataError, RunFolderError, SettingsError
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model, save_model
from kdnet.preparation.brain import BrainExtractor
from kdnet.runs.folder import RunFolder
from kdnet.runs.splits import read_splits
from kdnet.schema.labels_option import parse_labels
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.study.export import check_target
from kdnet.study.lesion_confidence import Observation, figures, judged_region, learn, observe_case, observe_head, read_heads


def run_calibrate(args: argparse.Namespace) -> int:
    """Run ``kdnet calibrate``."""
    check_target(args.out)
    model = load_model(args.model)
    judged_region(model.card.labels)
    if args.like is not None:
        learned = _of(args.like)
    else:
        predictor = Predictor(model, choose_device(args.device), tune=True)
        observations = list(_observed(args, predictor))
        learned = learn(observations, model.card.labels)
        learned = replace(learned, learned_from=figures(observations, model.card.labels))
    save_model(args.out, replace(model.card, lesion_confidence=learned), model.network)
    print(f"{args.out}: lesions of a confidence under {learned.limit:.2f} are doubtful.")
    for name, value in learned.learned_from.items():
        print(f"{name}: {value:g}")
    return 0


def _observed(args: argparse.Namespace, predictor: Predictor) -> Iterator[Observation]:
    cases = _cases(args, predictor.model.card)
    heads = read_heads(args.without_tumor) if args.without_tumor is not None else []
    extractor = BrainExtractor(predictor.device)
    with tqdm(total=len(cases) + len(heads), desc="segmenting", file=sys.stderr, disable=None) as bar:
        for case in cases:
            yield observe_case(case, predictor)
            bar.update()
        for head in heads:
            yield observe_head(head, predictor, extractor)
            bar.update()


def _cases(args: argparse.Namespace, card: ModelCard) -> list[Case]:
    """Return the cases of the data folder that have the model's modalities and a reference, and were not trained on."""
    dataset = read_dataset(args.data, parse_labels(args.labels), card.modalities)
    cases = [case for case in dataset.cases if case.reference is not None and set(card.modalities) <= case.images.keys()]
    if args.run is not None:
        tested = _tested(args.run, card)
        cases = [case for case in cases if case.name in tested]
    if not cases:
        raise DataError(f"{args.data} has no case to learn from: choose the folder whose cases were not trained on.")
    return cases


def _tested(root: Path, card: ModelCard) -> frozenset[str]:
    """Return the test cases of the fold that the model was trained in."""
    fold, splits = card.training_data.get("fold"), read_splits(RunFolder(root).splits)
    if fold not in splits:
        raise RunFolderError(f"{root} has no test cases of the model's fold ({fold}): name the run that trained it.")
    return frozenset(splits[fold].test)


def _of(path: Path) -> LesionConfidence:
    found = read_card(path).lesion_confidence
    if found is None:
        raise SettingsError(f"{path} has no lesion confidence: run kdnet calibrate on it first.")
    return found
