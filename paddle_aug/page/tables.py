"""The page's tables as rows of text: figures, differences, options, environment, commands."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from paddle_aug.page import wording
from paddle_aug.page.sentences import Language
from paddle_aug.report.groups import Group
from paddle_aug.report.judge import figures
from paddle_aug.report.side_by_side import SideBySide
from paddle_aug.runs.reading import Run


@dataclass(frozen=True)
class Table:
    """Head and rows of cells; the first cell of a row is its name."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def accuracy_table(found: SideBySide, say: Language) -> Table:
    """Evaluation accuracy in every figure, seconds an epoch."""
    last = found.judgement.last
    columns = {
        say("method"): [group.label for group in found.judgement.groups],
        say("seeds_used"): [str(len(group.runs)) for group in found.judgement.groups],
        say("epochs"): ["-".join(map(str, dict.fromkeys(row.epochs))) for row in found.rows],
    }
    for figure in ("mean", "last", "best", "whole"):
        estimates = [figures(g, "accEval", figure, last)[0] for g in found.judgement.groups]
        if any(each.n for each in estimates):
            name = wording.figure_name(figure, last, say)
            columns[name] = [wording.estimate(each) for each in estimates]
            if figure == "best":
                epochs = [", ".join(str(one.epoch) for one in row.bests) for row in found.rows]
                values = zip(columns[name], epochs, strict=True)
                columns[name] = [f"{value}\n({epoch})" for value, epoch in values]
    return _by_columns(say("accuracy_table"), columns)


def difference_table(found: SideBySide, say: Language) -> Table | None:
    """The differences to the baseline; None where there is only one method."""
    judgement = found.judgement
    if not judgement.comparisons:
        return None
    head = [say("method"), say("seeds_used"), say("points_column"), say("interval"), say("over"),
            say("p_holm"), say("seeds_needed"), say("above_from")]  # fmt: skip
    rows = [
        [each.method, str(len(each.seeds)), wording.points_judged(each, judgement.last, say),
         wording.points_interval(each.evidence, say), say(wording.BASES[each.basis]),
         wording.p_value(each.p_holm), wording.seeds_needed(each, say),
         wording.crossing(crossed, say)]
        for each, crossed in zip(judgement.comparisons, judgement.crossings, strict=True)
    ]  # fmt: skip
    return Table(say("against", baseline=found.baseline.label), head, rows)


def losses_table(found: SideBySide, say: Language) -> Table:
    """The other three curves' means of the last epochs, and the seconds of an epoch."""
    columns = {say("method"): [row.label for row in found.rows]}
    for curve in ("accTrain", "lossTrain", "lossEval"):
        columns[say(curve)] = [wording.spread(row.finals[curve]) for row in found.rows]
    columns[say("seconds")] = [
        wording.UNKNOWN if math.isnan(row.seconds) else f"{row.seconds:.3g}" for row in found.rows
    ]
    return _by_columns(say("losses_table", n=found.judgement.last), columns)


def options_table(found: SideBySide, say: Language) -> Table | None:
    """The studied options that differ, by method; None where there are none."""
    groups = [group for group in found.judgement.groups if group.runs[0].config]
    places = ("output", "overwrite", "seed")
    rows = []
    for option in sorted(set(found.studied) - set(places)):
        values = [_option(group.runs[0], option, say) for group in groups]
        if len(set(values) - {wording.UNKNOWN}) > 1:
            rows.append([option, *values])
    head = [say("option"), *(group.label for group in groups)]
    return Table(say("studied"), head, rows) if rows else None


def environment_table(groups: Sequence[Group], say: Language) -> Table:
    """The environments of the runs: a column for each one that differs."""
    named: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for group in groups:
        for run in group.runs:
            runs = named.setdefault(tuple(_environment(run, say)), {})
            runs.setdefault(group.label, []).append(wording.text(run.seed))
    columns = [
        [
            "; ".join(
                say("seeds_of", label=label, seeds=", ".join(seeds), n=len(seeds))
                for label, seeds in runs.items()
            ),
            *cells,
        ]
        for cells, runs in named.items()
    ]
    names = [say("for_runs"), say("processor"), say("threads"), say("system"), say("device"),
             say("computed_by"), say("versions"), say("code"), say("data")]  # fmt: skip
    rows = list(zip(names, *columns, strict=True))
    return Table(say("environment"), [], rows)


def all_warnings(groups: Iterable[Group], say: Language) -> list[str]:
    """Warnings about the runs' files, without their folders."""
    return [
        f"{_name(group, run, say)}: {say.remark(warning.removeprefix(f'{run.folder}/'))}"
        for group in groups
        for run in group.runs
        for warning in run.warnings
    ]


def _environment(run: Run, say: Language) -> list[str]:
    known = run.environment
    if not known:
        return [say("not_recorded"), *[wording.UNKNOWN] * 7]
    parts = {part: wording.text(run.data(part, "images")) for part in ("train", "eval")}
    return [
        ", ".join(filter(None, [str(known.get("cpu") or wording.UNKNOWN),
                                _instructions(known.get("instructions")),
                                _cores(known.get("cores"), say)])),
        _pairs(known.get("threads")),
        wording.text(known.get("platform")),
        wording.text(known.get("device")),
        wording.text(known.get("backend")),
        f"Python {wording.text(known.get('python'))}, {_pairs(known.get('versions'))}",
        wording.text(known.get("code")),
        say("data_is", name=wording.text(run.data("name")), **parts)
        if isinstance(run.data(), dict) else wording.UNKNOWN,
    ]  # fmt: skip


def _instructions(names: Any) -> str:
    """The newest of the vector instructions, which say most of the speed."""
    return names.split()[-1] if isinstance(names, str) and names.strip() else ""


def _cores(cores: Any, say: Language) -> str:
    return say("cores", n=cores) if cores is not None else ""


def _pairs(values: Any) -> str:
    if not isinstance(values, dict) or not values:
        return wording.UNKNOWN
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _option(run: Run, option: str, say: Language) -> str:
    """An option's value; a dash where the run did not record it, which says nothing of it."""
    if option not in run.config and not run.whole_config:
        return wording.UNKNOWN
    value = run.config.get(option)
    return say("option_default") if value is None else str(value)


def _name(group: Group, run: Run, say: Language) -> str:
    return group.label if run.seed is None else f"{group.label} ({say('seed')} {run.seed})"


def _by_columns(title: str, columns: dict[str, list[str]]) -> Table:
    return Table(title, list(columns), list(zip(*columns.values(), strict=True)))
