"""The contents of the page, section by section, for the template."""

from dataclasses import dataclass
from typing import Any

from paddle_aug.modes import is_mix
from paddle_aug.page import tables, wording
from paddle_aug.page.curve_pictures import curve_pictures, legend
from paddle_aug.page.pictures import (
    ImageSource,
    shown_changes,
    shown_matrices,
    training_sheets,
)
from paddle_aug.page.sentences import Language
from paddle_aug.report.curves import mixing_ranges, shaded_group
from paddle_aug.report.found_runs import FoundRuns
from paddle_aug.report.judge import JudgedClaim
from paddle_aug.report.judgement_text import with_other_seeds, without_common_seed
from paddle_aug.report.side_by_side import SideBySide
from paddle_aug.report.verdicts import IMAGES, NOTHING, SEEDS

_MOST_RANGES = 10  # of epochs in which a method mixed


@dataclass(frozen=True)
class ClaimCard:
    """A published claim, its verdict and the figures behind it, as the page shows them."""

    text: str
    kind: str
    verdict: str
    facts: list[tuple[str, str]]
    meaning: str
    remarks: list[str]


def contents(
    found: FoundRuns, judged: SideBySide, images: ImageSource, say: Language, command: str
) -> dict[str, Any]:
    """Values of the template's variables. command: the one that makes this page."""
    judgement = judged.judgement
    last = judgement.last
    groups = list(judgement.groups)
    runs = [run for group in groups for run in group.runs]
    lines = legend(groups, judged.baseline)
    pictures = curve_pictures(groups, judged.baseline, last, say)
    return {
        "title": found.title or say("title_runs", n=len(runs)),
        "head": _head(found, say),
        "caveats": _caveats(found, judged, say),
        "claims": [_card(each, last, say) for each in judgement.claims],
        "sentences": [wording.comparison_sentence(each, say) for each in judgement.comparisons],
        "lines": lines,
        "swatches": {line.label: line.name for line in lines},
        "tables": [
            table
            for table in (
                tables.accuracy_table(judged, say),
                tables.difference_table(judged, say),
                tables.losses_table(judged, say),
            )
            if table is not None
        ],
        "notes": _notes(judged, say),
        "curves": pictures,
        "curve_notes": _curve_notes(judged, say),
        "sheets": training_sheets(groups, images, say),
        "matrices": shown_matrices(groups, say),
        "changes": shown_changes(groups, judged.baseline, images, say),
        "options": tables.options_table(judged, say),
        "differences": [say.remark(line) for line in judged.fairness.differences],
        "unknown": [say.remark(line) for line in judged.fairness.unknown],
        "warnings": tables.all_warnings(groups, say),
        "environment": tables.environment_table(groups, say),
        "command_all": found.command,
        "commands": _commands(found, say),
        "command_page": command,
    }


def _head(found: FoundRuns, say: Language) -> list[str]:
    """The lines below the title: where the results are from."""
    lines = []
    if found.source:
        lines.append(say("source", text=found.source))
    if found.published:
        lines.append(say("published_words", text=found.published))
    if found.written:
        lines.append(say("written", date=found.written))
    return lines


def _caveats(found: FoundRuns, judged: SideBySide, say: Language) -> list[str]:
    """The lines below the verdicts: their limits."""
    lines = []
    if found.quick:
        lines.append(say("quick"))
    if found.note:
        given = found.note.partition(": ")[2] or found.note
        lines.append(say("not_own", text=say.remark(given.replace("`", ""))))
    if found.missing:
        lines.append(say("missing", text="; ".join(map(say.remark, found.missing))))
    if judged.fairness.differences:
        lines.append(say("unlike"))
    return lines


def _card(judged: JudgedClaim, last: int, say: Language) -> ClaimCard:
    evidence = judged.evidence
    seeds = len(judged.epochs) if judged.claim.kind == "epoch" else judged.ours.n
    facts = [
        (say("published"), wording.published(judged.claim, say)),
        (say("ours"), wording.ours(judged, say)),
        (say("interval"), wording.claim_interval(judged, say)),
        (say("over"), say(wording.BASES[evidence.basis])),
        (say("seeds_used"), str(seeds)),
    ]
    if (p := wording.p_value(evidence.p)) != wording.UNKNOWN:
        facts.append((say("p_holm"), p))
    word = judged.verdict.word
    kind = wording.VERDICT_KEYS[word]
    return ClaimCard(
        judged.claim.text, kind, say(kind), facts, wording.meaning(judged, say),
        wording.remarks(judged, last, say),
    )  # fmt: skip


def _notes(judged: SideBySide, say: Language) -> list[str]:
    """Sentences that explain the tables' figures."""
    judgement = judged.judgement
    bases = {each.basis for each in judgement.comparisons}
    lines = [say("note_figures")]
    if SEEDS in bases:
        lines.append(say("note_seeds"))
    if IMAGES in bases:
        lines.append(say("note_images"))
    if NOTHING in bases:
        lines.append(say("note_nothing"))
    baseline = judgement.groups[0].label
    if other := with_other_seeds(judgement):
        lines.append(say("note_other_seeds", baseline=baseline, methods=", ".join(other)))
    if unpaired := without_common_seed(judgement):
        lines.append(say("note_no_seed", baseline=baseline, methods=", ".join(unpaired)))
    if judgement.crossings:
        windows = dict.fromkeys((judgement.windows[0], judgement.windows[-1]))
        lines.append(say("note_window", n="–".join(map(str, windows))))
    return lines


def _curve_notes(judged: SideBySide, say: Language) -> list[str]:
    groups = judged.judgement.groups
    lines = [say("key_lines")]
    if any(len(group.runs) > 1 for group in groups):
        lines.append(say("key_band"))
    if any(group.shortest < group.epochs for group in groups):
        lines.append(say("key_shortest"))
    shaded = shaded_group(groups)
    if shaded is not None:
        lines.append(say("key_mixing", label=shaded.label))
    for group in groups:
        mixing = group.runs[0].mixing
        if group is shaded or mixing is None or mixing.all() or not is_mix(group.mode):
            continue
        epochs = [f"{first}–{end - 1}" for first, end in mixing_ranges(mixing)]
        told = ", ".join(epochs[:_MOST_RANGES] + ["…"] * (len(epochs) > _MOST_RANGES))
        key = "mixing_epochs" if epochs else "mixing_never"
        lines.append(say(key, label=group.label, epochs=told))
    return lines


def _commands(found: FoundRuns, say: Language) -> tables.Table | None:
    if not found.commands:
        return None
    timed = any(each.seconds is not None for each in found.commands)
    head = [say("method"), say("seed"), *([say("training_time")] if timed else []), say("command")]
    rows = []
    for each in found.commands:
        time = [wording.duration(each.seconds, say)] if timed else []
        rows.append([each.label, wording.text(each.seed), *time, each.command])
    return tables.Table(say("command_each"), head, rows)
