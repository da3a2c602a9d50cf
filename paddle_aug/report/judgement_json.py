"""A judgement for machines: table.json. Its keys are explained in docs/judging.md."""

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from paddle_aug.report.groups import Group
from paddle_aug.report.guard import Fairness
from paddle_aug.report.judge import Comparison, Crossing, JudgedClaim, Judgement, every_figure
from paddle_aug.report.statistics import CONFIDENCE, MOST_SEEDS, POWER, RESAMPLES
from paddle_aug.report.verdicts import IMAGES, direction
from paddle_aug.runs.reading import Run
from paddle_aug.runs.stats import best

FORMAT = 1


def judgement_json(
    judgement: Judgement, fairness: Fairness, studied: Collection[str], folder: Path
) -> dict[str, Any]:
    """Plain values, None for what is not known. folder: of the file; the runs' folders are given
    relative to it."""
    values = {
        "format": FORMAT,
        "last": judgement.last,
        "baseline": judgement.groups[0].label,
        "confidence": CONFIDENCE,
        "power": POWER,
        "resamples": RESAMPLES,
        "mostSeeds": MOST_SEEDS,
        "window": max(judgement.windows, default=None),
        "claims": [_claim(judged) for judged in judgement.claims],
        "methods": [_method(group, judgement.last, studied, folder) for group in judgement.groups],
        "comparisons": [
            _comparison(found, crossed)
            for found, crossed in zip(judgement.comparisons, judgement.crossings, strict=True)
        ],
        "differences": fairness.differences,
        "unknown": fairness.unknown,
    }
    return _plain(values)


def _claim(judged: JudgedClaim) -> dict[str, Any]:
    claim, evidence = judged.claim, judged.evidence
    return {
        **claim.model_dump(),
        "kind": claim.kind,
        "published": getattr(claim, claim.kind),
        "verdict": judged.verdict.word,
        "reason": judged.verdict.reason,
        "oneSeed": evidence.basis == IMAGES,
        "over": evidence.basis,
        "ours": evidence.mean,
        "low": evidence.low,
        "high": evidence.high,
        "pHolm": evidence.p,
        "overSeeds": judged.ours._asdict(),
        "epochs": list(judged.epochs),
        "seedsNeeded": judged.seeds_needed,
    }


def _method(group: Group, last: int, studied: Collection[str], folder: Path) -> dict[str, Any]:
    found = every_figure(group, last)
    seconds = [run.seconds for run in group.runs if not math.isnan(run.seconds)]
    options = group.runs[0].config
    return {
        "label": group.label,
        "mode": group.mode,
        "seeds": [run.seed for run in group.runs],
        "epochs": [run.epochs for run in group.runs],
        "secondsPerEpoch": sum(seconds) / len(seconds) if seconds else None,
        "studied": {key: options[key] for key in sorted(studied) if key in options},
        "figures": {
            curve: {
                figure: {**estimate._asdict(), "values": values}
                for figure, (estimate, values) in by.items()
            }
            for curve, by in found.items()
        },
        "bestEpochs": [_best_epoch(run) for run in group.runs],
        "runs": [_run(run, folder) for run in group.runs],
    }


def _best_epoch(run: Run) -> int | None:
    found = best(run.curves.get("accEval", ()))
    return found.epoch if found else None


def _run(run: Run, folder: Path) -> dict[str, Any]:
    answers = run.predictions
    return {
        "seed": run.seed,
        "folder": Path(os.path.relpath(run.folder, folder)).as_posix(),
        "mode": run.mode,
        "epochs": run.epochs,
        "imagesEvaluated": len(answers.labels) if answers else None,
        "environment": run.environment or None,
        "warnings": [warning.removeprefix(f"{run.folder}/") for warning in run.warnings],
    }


def _comparison(found: Comparison, crossed: Crossing) -> dict[str, Any]:
    evidence = found.evidence
    return {
        "method": found.method,
        "baseline": found.baseline,
        "curve": found.curve,
        "figure": found.figure,
        "seeds": list(found.seeds),
        "values": list(found.values),
        "overSeeds": found.difference._asdict(),
        "overImages": [{"seed": seed, **each._asdict()} for seed, each in found.images],
        "over": found.basis,
        "difference": evidence.mean,
        "low": evidence.low,
        "high": evidence.high,
        "direction": direction(evidence),
        "p": found.p,
        "pHolm": found.p_holm,
        "seedsNeeded": found.seeds_needed,
        "window": crossed.window,
        "staysAboveFrom": crossed.of_means,
        "staysAboveFromBySeed": [
            {"seed": seed, "epoch": epoch}
            for seed, epoch in zip(crossed.seeds, crossed.epochs, strict=True)
        ],
    }


def _plain(value: Any) -> Any:
    """None for NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
