"""``kdnet collect`` and ``kdnet collection``; no torch, because panels call them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from kdnet.collection.correction import Correction, Origin
from kdnet.collection.store import Collection
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import SettingsError
from kdnet.schema.collection import BrainMask, CollectedCase, CollectionContent
from kdnet.schema.formatting import plural
from kdnet.schema.labels import LabelTable
from kdnet.schema.labels_option import parse_labels
from kdnet.schema.modalities import display_name
from kdnet.schema.model_card import ModelCard, read_card, read_weights_hash
from kdnet.text import one_line, printable


def run_collect(args: argparse.Namespace) -> int:
    """Run ``kdnet collect``."""
    collection = Collection(args.collection)
    card = read_card(args.model) if args.model else None
    correction = Correction(
        scans=_scans(args.scan),
        corrected=read_volume(args.corrected),
        labels=_labels(args.labels, card, collection.content()),
        original=read_volume(args.original) if args.original else None,
        brain=read_volume(args.brain) if args.brain else None,
        patient=args.patient,
        no_tumor=args.no_tumor,
        origin=Origin(
            model=card.name if card else "",
            model_hash=read_weights_hash(args.model) if args.model else "",
            preparation=one_line(args.preparation),
            brain_mask=BrainMask(args.brain_mask) if args.brain else BrainMask.NONE,
        ),
    )
    case = collection.replace(args.replace, correction) if args.replace else collection.add(correction, args.name)
    print(json.dumps(case.to_json()) if args.json else f"{args.collection}: {_line(case)}")
    return 0


def run_collection(args: argparse.Namespace) -> int:
    """Run ``kdnet collection``."""
    collection = Collection(args.collection)
    for name in args.remove:
        collection.remove(name)
    content = collection.content()
    print(json.dumps(content.to_json()) if args.json else _text(content))
    return 0


def _scans(given: Sequence[str]) -> dict[str, Volume]:
    scans: dict[str, Volume] = {}
    for text in given:
        name, separator, path = text.partition("=")
        modality = name.strip().lower()
        if not separator or not modality or "/" in modality or "\\" in modality:
            raise SettingsError(f'--scan is "{one_line(text, 80)}": write it as t1ce=FILE.')
        if modality in scans:
            raise SettingsError(f"--scan names {display_name(modality)} twice: give each modality once.")
        scans[modality] = read_volume(Path(path))
    return scans


def _labels(text: str, card: ModelCard | None, known: CollectionContent) -> LabelTable:
    labels = parse_labels(text) or (card.labels if card else None) or known.labels
    if labels is None:
        raise SettingsError(
            "the meaning of the labels is unknown: give the model with --model, or the labels with --labels."
        )
    return labels


def _text(content: CollectionContent) -> str:
    lines = [*(_line(case) for case in content.cases), *content.problems]
    patients = len({case.patient for case in content.cases})
    cases = plural(len(content.cases), "{count} case", "{count} cases")
    return "\n".join([*map(printable, lines), f"{cases} of {plural(patients, '{count} patient', '{count} patients')}"])


def _line(case: CollectedCase) -> str:
    if case.no_tumor:
        changed = "no tumor"
    else:
        changed = ", ".join(f"{name} {amount:.1f} mL" for name, amount in case.changed_ml.items()) or "no original"
    modalities = " + ".join(map(display_name, case.modalities))
    return f"{case.name}  patient {case.patient}  {modalities}  {case.date}  changed: {changed}"
