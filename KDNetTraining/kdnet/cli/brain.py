"""``kdnet train-brain`` and ``kdnet test-brain``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime

import torch

from kdnet.files import write_csv
from kdnet.model_file import load_model, save_model
from kdnet.schema.modalities import ANY_SEQUENCE
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.study.brain_cases import BrainCase, prepare_heads, read_brain_cases
from kdnet.study.brain_test import BrainScore, card_figures, score_brains, summary
from kdnet.study.brain_training import BrainRecipe, BrainTrainer, brain_labels, recipe_json

INTENDED_USE = (
    "Extracts the brain from MR scans of the head as scanners give them: T1, T1 with contrast, T2, FLAIR and proton"
    " density, any orientation and slice thickness."
)

LIMITS = "Learned from the masks of HD-BET, not from outlines of experts. Look at the mask before you rely on it."


def run_train(args: argparse.Namespace) -> int:
    """Run ``kdnet train-brain``."""
    torch.set_num_threads(args.threads)
    given = {"steps": args.steps, "seed": args.seed, "learning_rate": args.rate}
    recipe = replace(BrainRecipe(), **{name: value for name, value in given.items() if value is not None})
    cases = [case for case in read_brain_cases(args.cases) if args.all or not case.held_out]
    start = load_model(args.start).network.requires_grad_(True) if args.start else None
    trainer = BrainTrainer(recipe, prepare_heads(cases, recipe.preprocessing), start)
    checkpoint = args.out.with_name(f"{args.out.name}.checkpoint")

    def show_step(step: int, loss: float) -> None:
        print(f"step {step} of {recipe.steps}: loss {loss:.4f}", file=sys.stderr, flush=True)

    network = trainer.train(checkpoint, show_step)
    save_model(args.out, _card(recipe, trainer, cases, args.summary), network)
    checkpoint.unlink()
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Run ``kdnet test-brain``."""
    torch.set_num_threads(args.threads)
    cases = [case for case in read_brain_cases(args.cases) if case.held_out]
    scores: list[BrainScore] = []
    model = load_model(args.model)
    for score in score_brains(model, cases):
        scores.append(score)
        print(f"{score.scan}: Dice {score.dice:.4f}, HD95 {score.hd95:.1f} mm, {score.seconds:.2f} s", flush=True)
    for name, value in summary(scores).items():
        print(f"{name}: {value}")
    if args.out:
        columns = ["scan", "person", "modality", "dice", "hd95_mm", "seconds", "reference_ml", "found_ml"]
        write_csv(args.out, [columns, *(score.row() for score in scores)])
    if args.update:
        save_model(args.model, replace(model.card, figures=card_figures(scores)), model.network)
    return 0


def _card(recipe: BrainRecipe, trainer: BrainTrainer, cases: list[BrainCase], summary: str) -> ModelCard:
    people = sorted({case.person for case in cases})
    return ModelCard(
        role=Role.STUDENT,
        name="Brain",
        network=trainer.spec,
        modalities=(ANY_SEQUENCE,),
        labels=brain_labels(),
        preprocessing=recipe.preprocessing,
        recipe=recipe_json(recipe),
        training_data={"format": "whole heads", "cases": len(cases), "people": people, "summary": summary},
        intended_use=INTENDED_USE,
        limits=LIMITS,
        created=datetime.now(UTC).date().isoformat(),
    )
