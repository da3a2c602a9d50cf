#!/usr/bin/env python3
"""Write results/README.md: every published claim with its verdict, from the committed results.

    python tools/results_readme.py            after results have come, or claims have changed
    python tools/results_readme.py --check    exit code 1 where the file is not what it should be

The claims of each suite of configs/suites/ are judged as `suite --judge --allow-differences` judges
them, from the runs in results/<suite>/curves/, and differences are named; claims that no suite
judges stand in results/claims.yaml.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from paddle_aug.commands.suite_plan import (  # noqa: E402
    Suite,
    counts,
    plan,
    read_suite,
    studied_options,
)
from paddle_aug.commands.suite_results import read_finished  # noqa: E402
from paddle_aug.core.atomic import write_text  # noqa: E402
from paddle_aug.core.plain_yaml import read_yaml  # noqa: E402
from paddle_aug.core.text import counted, duration  # noqa: E402
from paddle_aug.report.claim_text import claim_interval, published_figure  # noqa: E402
from paddle_aug.report.claims import Claim  # noqa: E402
from paddle_aug.report.judge import JudgedClaim  # noqa: E402
from paddle_aug.report.judgement_text import (  # noqa: E402
    our_figure,
    over,
)
from paddle_aug.report.side_by_side import put_side_by_side  # noqa: E402
from paddle_aug.runs.layout import CHANGES  # noqa: E402
from paddle_aug.runs.reading import Run  # noqa: E402

HEAD = (
    "claim", "published (± our tolerance)", "ours", "95% interval", "over", "n", "verdict",
    "scale", "cost",
)  # fmt: skip
NOT_RUN = "not run"
INTRODUCTION = """\
# Results: each published claim and its verdict

Made by `python tools/results_readme.py` from the files in this folder. Verdicts and their rule are
explained in [docs/judging.md](../docs/judging.md). An interval over *images* is of one seed on this
evaluation set, in its last state: another seed, or another epoch, may differ by more, and such a
verdict speaks of one pair of trainings.
The tolerance is ours: how far off still counts as the published figure, set for each claim in its
suite's file. *n* is the number of seeds; *cost* the training time of the runs that the claim is
judged by, on one machine of two cores, beside other work. Each suite's folder has tables, curves
and the files of its runs; `python -m paddle_aug report RUNS` makes a page of it.
"""


def readme(root: Path = ROOT) -> str:
    """The text of results/README.md."""
    files = sorted((root / "configs" / "suites").glob("*.yaml"))
    suites = [(file, read_suite(file)) for file in files]
    sections: list[str] = []
    # A claim that several scales judge counts once: by the source's own scale where that was run,
    # else by the first other one that was.
    found: dict[tuple[str, str], list[tuple[Claim, str]]] = {}
    for file, suite in suites:
        if suite.claims:
            section, words = _section(root, file, suite)
            sections.append(section)
            for claim, word in zip(suite.claims, words, strict=True):
                found.setdefault((suite.source, claim.text), []).append((claim, word))
    verdicts = [
        min(each, key=lambda judged: (judged[1] == NOT_RUN, judged[0].scale != ""))[1]
        for each in found.values()
    ]
    others = read_yaml(root / "results" / "claims.yaml")["claims"]
    rows = [[each[key] for key in ("claim", "published", "source", "why")] for each in others]
    verdicts += ["not judged"] * len(others)
    summary = ", ".join(f"{word} {number}" for word, number in sorted(Counter(verdicts).items()))
    return "\n".join([
        INTRODUCTION,
        f"{len(verdicts)} claims, each counted once, whatever the scale it was run at: {summary}.",
        "",
        *sections,
        "## Judged by no suite",
        "",
        "Not run, or nothing that a number could judge.",
        "",
        *_table(("claim", "published", "source", "not judged, because"), rows),
        "",
    ])  # fmt: skip


def _section(root: Path, file: Path, suite: Suite) -> tuple[str, list[str]]:
    """The part on one suite, and the verdicts of its claims."""
    name = file.stem
    results = root / "results" / name
    given = _precision(results)
    runs = plan(file, suite, False, given, Path("logs"))
    _, read = read_finished(results, runs)
    labels = {run.label for run in read}
    judged: Sequence[JudgedClaim | None] = [None] * len(suite.claims)
    differ = ""
    if read:
        # The suite's own baseline may not have been run; a claim about a value needs none.
        baseline = suite.baseline if suite.baseline in labels else read[0].label
        found = put_side_by_side(
            read, baseline, suite.last, suite.claims, studied_options(runs), counts
        )
        judged = found.judgement.claims
        if names := [line.partition(":")[0] for line in found.fairness.differences]:
            differ = (
                f" Its runs differ in more than it varies ({', '.join(names)}): see the tables."
            )
    rows, words = [], []
    for claim, each in zip(suite.claims, judged, strict=True):
        needed = {claim.method, claim.baseline} - {None}
        own = each if needed <= labels else None
        rows.append(_judged_row(own, read, suite.last) if own else _row_not_run(claim))
        words.append(own.verdict.word if own else NOT_RUN)
    missing = len(runs) - len(read)
    lines = [
        f"## {name}: {suite.title}",
        "",
        f"Source: {suite.source}. {_progress(len(runs), missing, results)}{differ}",
        f"Command: `{_command(name, given)}`",
        "",
        *_table(HEAD, rows),
        "",
    ]
    return "\n".join(lines), words


def _progress(planned: int, missing: int, results: Path) -> str:
    if missing == planned:
        return "**Not run.**"
    tables = f"[Tables]({results.name}/table.md)"
    page = results / "report.html"
    more = f", [page]({results.name}/report.html)" if page.exists() else ""
    done = f"{planned - missing} of {planned} runs are finished" if missing else "All runs finished"
    return f"{done}: {tables}{more}."


def _judged_row(judged: JudgedClaim, runs: list[Run], last: int) -> list[str]:
    claim, evidence = judged.claim, judged.evidence
    own = _judged_by(claim, runs)
    seconds = [run.training_seconds for run in own]
    known = [each for each in seconds if each is not None]
    training = duration(sum(known)) if len(known) == len(seconds) else "not recorded"
    precision = {run.config.get("amp", "no") for run in own} - {"no"}
    return [
        claim.text, published_figure(claim), our_figure(judged, last),
        claim_interval(claim, evidence.low, evidence.high), over(evidence.basis),
        str(len(judged.epochs) or judged.ours.n),
        f"**{judged.verdict.word}**: {judged.verdict.reason}",
        ", ".join([_scale(claim), *sorted(precision)]),
        f"{training}, {counted(len(own), 'run')}",
    ]  # fmt: skip


def _judged_by(claim: Claim, runs: list[Run]) -> list[Run]:
    """The runs of the method and, in the same seeds, of its baseline."""
    own = [run for run in runs if run.label == claim.method]
    if claim.baseline is None:
        return own
    others = [run for run in runs if run.label == claim.baseline]
    seeds = {run.seed for run in own} & {run.seed for run in others}
    return [run for run in (*own, *others) if run.seed in seeds]


def _scale(claim: Claim) -> str:
    return claim.scale or "the source's"


def _row_not_run(claim: Claim) -> list[str]:
    return [claim.text, published_figure(claim), "-", "-", "-", "0", f"**{NOT_RUN}**",
            _scale(claim), "-"]  # fmt: skip


def _command(suite: str, given: dict[str, str]) -> str:
    """The command that repeats the suite, in the precision of the runs that are there."""
    options = "".join(f" -- --{name} {value}" for name, value in given.items())
    return f"python -m paddle_aug suite configs/suites/{suite}.yaml{options}"


def _precision(results: Path) -> dict[str, str]:
    """{"amp": ...} where the kept runs in mixed precision share one; else empty."""
    kept = sorted(results.glob(f"curves/*/*/{CHANGES}"))
    precisions = {read_yaml(path).get("amp", "no") for path in kept} - {"no"}
    return {"amp": precisions.pop()} if len(precisions) == 1 else {}


def _table(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    args = parser.parse_args()
    path, text = ROOT / "results" / "README.md", readme()
    if args.check:
        same = path.exists() and path.read_text(encoding="utf-8") == text
        print(f"{path}: {'up to date' if same else 'not up to date: python ' + sys.argv[0]}")
        return 0 if same else 1
    write_text(path, text)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
