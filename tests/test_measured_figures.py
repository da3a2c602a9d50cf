"""Each measured figure in the documents is that of the method whose name stands beside it."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from paddle_aug.report.crossing import stays_above
from paddle_aug.report.statistics import estimate, holm, paired_p
from paddle_aug.runs.layout import FIGURES

ROOT = Path(__file__).parent.parent
README, README_CN, EXPERIMENTS = "README.md", "README_cn.md", "docs/experiments.md"
SUITES = sorted(path.parent.name for path in (ROOT / "results").glob("*/table.csv"))
# What README.md and README_cn.md call a method, where it is not its label in the table. A result
# that comes with other names gets them here.
NAMES = {
    "none": ("none {}", "无增强 {}"),
    "flip": ("flip {}", "翻转 {}"),
    "combined": ("combined {}", "组合 {}"),
    "flip, mixup, focal loss": ("Mixup + focal {}", "Mixup + focal {}"),
    "samplePairing": ("SamplePairing {}", "SamplePairing {}"),
    "samplePairing, whole set": ("the whole set {}", "取自整个训练集 {}"),
    "mixup": ("Mixup {}", "Mixup {}"),
    "mixup, alpha 0.2": ("Mixup alpha 0.2 {}", "Mixup（alpha 0.2）{}"),
    "plain": ("plain {}", "原样 {}"),
    "augmented": ("augmented {}", "加增强 {}"),
    "weight decay": ("weight decay {}", "加权重衰减 {}"),
    "weight decay, rate cut": ("with the rate cut {}", "再降学习率 {}"),
    "from scratch": ("from scratch {}", "从头训练 {}"),
    "from CIFAR-10": ("from our CIFAR-10 run {}", "从本项目的 CIFAR-10 模型微调 {}"),
    "from CIFAR-10, one rate": ("with one rate {}", "统一学习率 {}"),
    "fine-tuned": ("fine-tuned {}", "微调 {}"),
    "head only": ("head only {}", "只训练分类头 {}"),
    "CutMix, Dataset": ("CutMix {}", "CutMix {}"),
    "crops and flips": ("crops and flips {}", "裁剪加翻转 {}"),
    "userDef instead": ("userDef instead {}", "换成 userDef {}"),
    "CutMix, batch": ("in the batch {}", "批内 CutMix {}"),
    "as they are": ("as they are {}", "原样 {}"),
    "balanced sampling": ("balanced {}", "均衡采样 {}"),
}
SMALL_DATA = {
    "none": ("none {}", "无混合 {}"),
    "SamplePairing, whole set": ("SamplePairing {} (whole", "SamplePairing {}（取自整个训练集"),
    "SamplePairing, batch": ("and {} (batch)", "和 {}（取自同一批）"),
    "Mixup 0.2": ("Mixup {} (alpha 0.2)", "Mixup {}（alpha 0.2）"),
    "Mixup 1": ("and {} (alpha 1)", "和 {}（alpha 1）"),
    "CutMix, batch": ("CutMix {}", "CutMix {}"),
}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def rows_of(suite: str) -> dict[str, dict[str, str]]:
    """Rows of a result's table.csv by their labels."""
    with (ROOT / "results" / suite / "table.csv").open(encoding="utf-8") as file:
        return {row["label"]: row for row in csv.DictReader(file)}


def in_words(row: dict[str, str], key: str, deviation: bool = True) -> str:
    """A figure of a row: "0.882 ± 0.027"."""
    return f"{float(row[key]):.3f}" + (f" ± {float(row[f'{key}Std']):.3f}" if deviation else "")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("document", [README, README_CN, EXPERIMENTS])
def test_every_method_of_a_result_has_its_own_figure(document, suite):
    (line,) = [line for line in read(document).splitlines() if f"/{suite}/table.md)" in line]
    (said,) = re.findall(rf"\| \[([^\]]+)\]\((?:\.\./)?(?:results/){suite}/table\.md\)", line)
    rows = rows_of(suite)
    for label, row in rows.items():
        figure = in_words(row, "accEval", int(row["runs"]) > 2)
        names = (SMALL_DATA if suite == "small_data" else NAMES).get(label, ())
        texts = {f"{label} {{}}", *names[document == README_CN :][:1]}
        words = "|".join(re.escape(text.format(figure)) for text in sorted(texts))
        assert re.search(rf"(?:^|[ ，）])(?:{words})", said, re.I), (label, figure, said)
    assert len(re.findall(r"(?<!± )\d\.\d{3}", said)) == len(rows)


def test_the_table_of_ones_own_images_is_in_the_order_of_its_heads():
    rows = rows_of("own_images")
    order = ("crops and flips", "cutmix", "mixup", "userDef instead", "from scratch")
    figures = [in_words(rows[label], "accEval") for label in order]
    for document, heads in (
        (README, ("crops and flips", "CutMix", "Mixup", "userDef", "from scratch")),
        (README_CN, ("裁剪加翻转", "CutMix", "Mixup", "userDef", "从头训练")),
    ):
        lines = read(document).splitlines()
        at = lines.index(f"| {' | '.join(figures)} |")
        columns = lines[at - 2].strip("| ").split(" | ")
        assert all(head in column for head, column in zip(heads, columns, strict=True))


def test_the_table_of_the_first_command_is_that_of_the_digits():
    rows = rows_of("digits")
    for shown, label in (("userDef", "userDef"), ("SamplePairing", "samplePairing"),
                         ("Mixup", "mixup")):  # fmt: skip
        cells = [in_words(rows[label], key) for key in ("lossEval", "accEval")]
        for document in (README, README_CN):
            assert f"| {shown} | {' | '.join(cells)} |" in read(document).splitlines()


def curve(suite: str, run: str, name: str, seed: int = 0) -> np.ndarray:
    (path,) = (ROOT / "results" / suite / "curves" / run / f"seed{seed}").glob(f"*Aug_{name}.npy")
    return np.load(path)


def small_data(run: str, name: str = "accEval") -> np.ndarray:
    """Mean of the three seeds."""
    return np.mean([curve("small_data", run, name, seed) for seed in range(5)], axis=0)


def mixing_epochs(run: str) -> np.ndarray:
    path = ROOT / "results/small_data/curves" / run / "seed0/metrics.csv"
    with path.open(encoding="utf-8") as file:
        return np.array([row["mixing"] == "1" for row in csv.DictReader(file)])


def signed(share: float) -> str:
    """A difference in points as the READMEs write it: "+2.1", "−2.7"."""
    return f"{100 * share:+.1f}".replace("-", "−")


def in_a_list(values: list, comma: str = ", ", last: str = " and ") -> str:
    """Three values as a sentence lists them: "1, 2 and 3"."""
    *first, end = map(str, values)
    return comma.join(first) + last + end


class Long:
    """What results/s0_long has, in the words of the documents."""

    def __init__(self) -> None:
        self.table = json.loads(read("results/s0_long/table.json"))
        self.against = {each["method"]: each for each in self.table["comparisons"]}
        methods = {each["label"]: each["figures"] for each in self.table["methods"]}
        self.mean = {
            (label, name): figures[name]["mean"]["mean"]
            for label, figures in methods.items()
            for name in ("accTrain", "accEval", "lossEval")
        }
        self.ends = {label: f"{self.mean[label, 'accEval']:.3f}" for label in methods}
        self.of_seeds, self.passes = {}, {}
        for method in ("samplePairing", "mixup"):
            each = self.against[method]
            assert (each["over"], each["seeds"]) == ("seeds", [0, 1, 2])
            self.of_seeds[method] = [signed(value) for value in each["values"]]
            self.passes[method] = [one["epoch"] for one in each["staysAboveFromBySeed"]]

    def by_the_last(self, epochs: int, method: str) -> tuple[str, str]:
        """The points over userDef by another number of last epochs, and their interval."""
        ends = [
            [curve("s0_long", label, "accEval", seed)[-epochs:].mean() for seed in range(3)]
            for label in (method.lower(), "userdef")
        ]
        found = estimate(np.subtract(*ends))
        return signed(found.mean), f"{signed(found.low)} to {signed(found.high)}"

    def difference(self, method: str) -> tuple[str, str]:
        each = self.against[method]
        return signed(each["difference"]), f"{signed(each['low'])} to {signed(each['high'])}"


def test_the_first_lines_of_the_readmes_say_what_the_500_epochs_show():
    found = Long()
    table, ends = found.table, found.ends
    claims = {(each["method"], each["kind"]): each for each in table["claims"]}
    assert {each["verdict"] for each in claims.values()} == {"undecided"}
    curves = [curve("s0_long", run, "accEval") for run in ("userdef", "samplepairing", "mixup")]
    smooth = [np.convolve(each, np.ones(25) / 25, "same") for each in curves]
    swing = np.mean([np.std((a - b)[200:440]) for a, b in zip(curves, smooth, strict=True)])
    english, chinese = (" ".join(read(name).split()) for name in (README, README_CN))
    (points, interval), (points2, interval2) = map(found.difference, ("samplePairing", "mixup"))
    (later, around), (later2, around2) = (
        found.by_the_last(50, method) for method in ("samplePairing", "mixup")
    )
    whole, weak = ends["samplePairing, whole set"], ends["mixup, alpha 0.2"]
    seeds, seeds2 = map(in_a_list, found.of_seeds.values())
    epochs, epochs2 = map(in_a_list, found.passes.values())
    claim = claims["samplePairing", "difference"]
    assert claim["published"] - claim["tolerance"] < claim["high"] < claim["published"]
    for sentence in (
        f"ends at {ends['userDef']}, with SamplePairing (blue) at {ends['samplePairing']}, with"
        f" Mixup (red) at {ends['mixup']}: means of the last ten epochs and of three seeds",
        f"Single epochs swing by {100 * swing:.0f} points",
        f"SamplePairing: {points} points (95 % interval {interval}; three seeds: {seeds}). The"
        " article's 6 lies above the interval, with our tolerance of 2 points they meet.",
        f"Mixup: {points2} points ({interval2}; {seeds2}).",
        f"SamplePairing's {epochs} (the article: about 150), Mixup's {epochs2} (about 250)",
        f"By the last 50 epochs instead of ten, chosen afterwards, SamplePairing has {later} points"
        f" ({around}), Mixup {later2} ({around2})",
        f"whole training set {whole}, Mixup with alpha 0.2 {weak}.",
    ):
        assert sentence in english, sentence
    interval, interval2, around, around2 = (
        each.replace(" to ", " 到 ") for each in (interval, interval2, around, around2)
    )
    seeds, seeds2 = (in_a_list(each, "、", " 和 ") for each in found.of_seeds.values())
    epochs, epochs2 = (in_a_list(each, "、", " 和 ") for each in found.passes.values())
    for sentence in (
        f"验证准确率最后是 {ends['userDef']}；用 SamplePairing（蓝色）最后是"
        f" {ends['samplePairing']}， 用 Mixup（红色）最后是 {ends['mixup']}：最后十轮、"
        "三个种子的均值",
        f"波动 {100 * swing:.0f} 个百分点",
        f"SamplePairing：{points} 个百分点（95% 区间 {interval}；三个种子：{seeds}）",
        f"Mixup：{points2} 个百分点（{interval2}；{seeds2}）",
        f"SamplePairing 是 {epochs}（文章：约 150），Mixup 是 {epochs2}（约 250）",
        f"SamplePairing 是 {later} 个百分点（{around}），Mixup 是 {later2}（{around2}）",
        f"取自整个训练集的 SamplePairing {whole}，alpha 取 0.2 的 Mixup {weak}。",
    ):
        assert sentence in chinese, sentence


def test_the_experiments_say_what_the_500_epochs_show():
    found = Long()
    text = " ".join(read(EXPERIMENTS).split())
    (points, interval), (points2, interval2) = map(found.difference, ("samplePairing", "mixup"))
    whole, weak = (
        "{} ({})".format(*found.difference(method))
        for method in ("samplePairing, whole set", "mixup, alpha 0.2")
    )
    (later, around), (later2, around2), (one, around_one), (one2, around_one2) = (
        found.by_the_last(epochs, method)
        for epochs in (50, 1)
        for method in ("samplePairing", "mixup")
    )
    seeds, seeds2 = map(in_a_list, found.of_seeds.values())
    epochs, epochs2 = map(in_a_list, found.passes.values())
    for sentence in (
        f"(training accuracy {found.mean['userDef', 'accTrain']:.3f}, evaluation loss"
        f" {found.mean['userDef', 'lossEval']:.2f}) and the evaluation accuracy ends at"
        f" {found.ends['userDef']}. SamplePairing passes it for good at epochs {epochs} and ends at"
        f" {found.ends['samplePairing']}, Mixup at {epochs2} and {found.ends['mixup']} ",
        f"with Mixup the evaluation loss is {found.mean['mixup', 'lossEval']:.2f}",
        f"SamplePairing {points} points (95 % interval {interval}; {seeds})",
        f"Mixup {points2} ({interval2}; {seeds2}).",
        f"by the last state, from the whole set {whole}, with alpha 0.2 {weak}.",
        f"SamplePairing has {later} points ({around}, p 0.012) and Mixup {later2} ({around2}), by"
        f" the last epoch alone {one} ({around_one}) and {one2} ({around_one2}).",
    ):
        assert sentence in text, sentence


def test_the_experiments_say_what_part_1_shows():
    table = json.loads(read("results/s0_part1_long/table.json"))
    found = {each["label"]: each["figures"] for each in table["methods"]}
    mean = {
        (label, name): found[label][name]["mean"]["mean"]
        for label in ("no", "userDef", "imgaugLib")
        for name in ("accTrain", "accEval", "lossEval")
    }
    against = {each["method"]: each for each in table["comparisons"]}
    gain, loss = (
        (signed(each["difference"]), f"{signed(each['low'])} to {signed(each['high'])}")
        for each in (against["imgaugLib"], against["userDef"])
    )
    (images,) = {each["overImages"][0]["images"] for each in table["comparisons"]}
    text = " ".join(read(EXPERIMENTS).split())
    last_ten = 100 * (mean["imgaugLib", "accEval"] - mean["no", "accEval"])
    for sentence in (
        f"(training accuracy {mean['no', 'accTrain']:.3f}, evaluation loss"
        f" {mean['no', 'lossEval']:.2f}) and ends at {mean['no', 'accEval']:.3f}; imgaugLib, at a"
        f" training accuracy of {mean['imgaugLib', 'accTrain']:.3f}, passes it for good at epoch"
        f" {against['imgaugLib']['staysAboveFrom']} and ends at {mean['imgaugLib', 'accEval']:.3f}"
        f" with a loss of {mean['imgaugLib', 'lossEval']:.2f}",
        f"starts late and ends at {mean['userDef', 'accEval']:.3f}",
        f"imgaugLib is {gain[0].strip('+')} points above none (95 % interval over the {images}"
        f" images {gain[1]}; by the means of the last ten epochs {last_ten:.1f})",
        f"is {loss[0].strip('−')} points below none ({loss[1]})",
    ):
        assert sentence in text, sentence
    verdicts = {each["text"]: each["verdict"] for each in table["claims"]}
    assert verdicts["imgaugLib brings 29 points over no augmentation"] == "not seen"


def test_the_experiments_say_what_vgg_16_shows():
    table = json.loads(read("results/s0_vgg_long/table.json"))
    figures = {each["label"]: each["figures"] for each in table["methods"]}
    train, ends = (
        [
            f"{each[name]['mean']['mean']:.3f}"
            for each in map(figures.__getitem__, ("userDef", "samplePairing", "mixup"))
        ]
        for name in ("accTrain", "accEval")
    )
    ((over,), (mixup,)) = (each["overImages"] for each in table["comparisons"])
    text = " ".join(read(EXPERIMENTS).split())
    for sentence in (
        "userDef {}, SamplePairing {}, Mixup {})".format(*train),
        f" and ends at {in_a_list(ends)}.",
        f"SamplePairing is {signed(over['difference'])} points against userDef (95 % interval"
        f" {signed(over['low'])} to {signed(over['high'])} over the {over['images']} images), Mixup"
        f" {signed(mixup['difference'])} ({signed(mixup['low'])} to {signed(mixup['high'])})",
    ):
        assert sentence in text, sentence


def test_what_the_slips_move_is_told_with_its_interval():
    text = " ".join(read("docs/faults.md").split())
    found = {}
    for comparison in ("samplePairing", "userDef"):
        table = json.loads(read(f"results/slips/{comparison}/table.json"))
        found |= {each["method"]: each for each in table["comparisons"]}
    told = {
        method: f"{signed(each['difference'])} points (95 % interval {signed(each['low'])} to"
        f" {signed(each['high'])})"
        for method, each in found.items()
    }
    assert f"already mixed {told['partners already mixed']} and with the list shuffled once" in text
    assert f"shuffled once {told['list shuffled once']} against" in text
    assert f"noise that wraps {told['noise that wraps']} over the 10,000 test images" in text
    assert f"({signed(found['noise that wraps']['values'][0])} by the mean of the last" in text
    seeds = {2: "two", 3: "three"}[len(found["list shuffled once"]["seeds"])]
    whole = {}
    for method, label in (("partners", "partners_already_mixed"), ("list", "list_shuffled_once")):
        right = [
            [
                json.loads(read(f"results/slips/samplePairing/curves/{run}/seed{seed}/{FIGURES}"))
                for seed in range(3)
            ]
            for run in (label, "none")
        ]
        differences = [a["top1"] - b["top1"] for a, b in zip(*right, strict=True)]
        whole[method] = estimate(differences), paired_p(differences)
    (mixed, _), (once, p) = whole.values()
    corrected = holm([each for _, each in whole.values()])[1]
    assert (
        f"over {seeds} seeds; over the 10,000 test images {signed(mixed.mean)} ({signed(mixed.low)}"
        f" to {signed(mixed.high)}) and {signed(once.mean)} ({signed(once.low)} to"
        f" −{-100 * once.high:.2f}; p {corrected:.3f} corrected for the two): neither is shown"
    ) in text
    assert p < corrected
    assert not found["partners already mixed"]["direction"]
    assert not found["list shuffled once"]["direction"]
    for folder in ("samplePairing", "userDef"):
        for path in (ROOT / "results/slips" / folder).glob("curves/*/seed*/*accEval.npy"):
            last = np.load(path)
            assert abs(last[-10:-1].mean() - last[-10:].mean()) < 0.002


def test_how_far_the_epochs_of_the_500_hang_on_the_smoothing_is_told():
    def passes(run: str, window: int) -> list[int | None]:
        return [
            stays_above(*(curve("s0_long", r, "accEval", s) for r in (run, "userdef")), window)
            for s in range(3)
        ]

    ranges = []
    for run in ("samplepairing", "mixup"):
        wide = [epoch or 0 for w in range(21, 52, 2) for epoch in passes(run, w)]
        ranges.append(f"between {min(wide)} and {max(wide)}")
    little = passes("samplepairing", 5)
    assert None not in little
    assert (
        f"with windows of 21 to 51 epochs SamplePairing's lie {ranges[0]} and Mixup's {ranges[1]},"
        f" with 15 Mixup's first is {passes('mixup', 15)[0]}, with 5 SamplePairing's lie between"
        f" {min(e or 0 for e in little)} and {max(e or 0 for e in little)} and Mixup with the first"
        " seed has none."
    ) in " ".join(read(EXPERIMENTS).split())
    assert passes("mixup", 5)[0] is None


def test_the_first_lines_of_the_readmes_say_what_small_data_shows():
    table = json.loads(read("results/small_data/table.json"))
    (claim,) = table["claims"]
    ours, low, high = (f"{100 * claim[key]:.1f}" for key in ("ours", "low", "high"))
    assert (claim["verdict"], claim["over"]) == ("same direction", "seeds")
    assert len(table["commands"]) == 35
    means = {k: in_words(row, "accEval", False) for k, row in rows_of("small_data").items()}
    stays, last, mixup = (means[k] for k in ("none", "SamplePairing, whole set", "Mixup 1"))
    jump = np.flatnonzero(mixing_epochs("samplepairing-whole-set"))[-1] + 1
    english, chinese = (" ".join(read(name).split()) for name in (README, README_CN))
    assert f"SamplePairing +{ours} points" in english
    assert f"95 % interval +{low} to +{high} over five seeds" in english
    published, tolerance = (100 * claim[key] for key in ("published", "tolerance"))
    assert f"A secondary source gives +{published:.1f} for the paper, with another net" in english
    assert (
        f"*same direction*, and smaller here (our tolerance is {tolerance:.0f} points)" in english
    )
    assert (
        f"据二手来源，论文用另一种网络提高了 {published:.1f}：*方向一致*，而我们的较小" in chinese
    )
    assert f"（我们定的容差是 {tolerance:.0f} 个百分点）" in chinese
    assert f"ends at {last}, Mixup with alpha 1 at {mixup}" in english.replace("(blue) ", "")
    assert f"stays at {stays}" in english
    assert f"jump at epoch {jump}" in english
    assert f"提高 {ours} 个百分点（五个种子的 95% 区间 {low} 到 {high}" in chinese
    assert f"达到 {last}，alpha 取 1 的 Mixup 达到 {mixup}" in chinese
    assert f"停在 {stays}" in chinese
    assert f"第 {jump} 轮的跳升" in chinese


def test_what_the_experiments_say_of_their_curves_is_in_the_curves():
    text = " ".join(read(EXPERIMENTS).split())
    none, train = small_data("none"), small_data("none", "accTrain")
    table = json.loads(read("results/small_data/table.json"))
    points = {each["method"]: 100 * each["difference"] for each in table["comparisons"]}
    late, below = {}, {}
    for run in ("samplepairing-whole-set", "samplepairing-batch"):
        on, accuracy = mixing_epochs(run), small_data(run)
        before, late[run] = on.copy(), on.copy()
        before[200:], late[run][:230] = False, False
        below[run] = f"{accuracy[before].mean():.3f}", f"{none[before].mean():.3f}"
    whole, batch = (small_data(run)[late[run]].mean() for run in late)
    base = none[late["samplepairing-batch"]].mean()
    flip, bare = (curve("s2_cifar", run, "accEval") for run in ("flip", "none"))
    scratch = curve("s3_cifar", "none", "accTrain")
    stem, plain = curve("s3_cifar", "flip", "accEval"), curve("s3_cifar", "none", "accEval")
    for sentence in (
        f"(training accuracy {train[200:210].mean():.3f} in epochs 200 to 209,"
        f" {train[-10:].mean():.3f} in the last ten)",
        f"gives {points['SamplePairing, whole set']:.1f} points more with partners from the whole"
        f" set and {points['SamplePairing, batch']:.1f} from the batch,"
        f" Mixup {points['Mixup 1']:.1f}",
        f"CutMix with probability 0.5 {points['CutMix, batch']:.1f} (95 % interval",
        f"Mixup with alpha 0.2 ({points['Mixup 0.2']:.1f}, −0.5 to +5.6) and"
        f" Cutout ({points['Cutout']:.1f}, −2.3 to +5.7)",
        "lies below none ({} against {};".format(*below["samplepairing-whole-set"]),
        f"; {below['samplepairing-batch'][0]} with the batch)",
        f"({whole:.3f} against {base:.3f}) and {100 * (batch - base):.1f} points above with those"
        f" of the batch ({batch:.3f})",
        f"in epochs 3 to 5 ({flip[3]:.3f}, {flip[4]:.3f}, {flip[5]:.3f})",
        f"were {stem[6]:.3f}, {stem[7]:.3f}, {stem[8]:.3f}, {stem[9]:.3f}",
        f"In the last epoch flip is {100 * (stem[-1] - plain[-1]):.1f} points above none, which"
        f" memorises more of its images ({scratch[-1]:.3f})",
        f"the last epoch is {100 * (flip[-1] - bare[-1]):.1f} points above none's, the mean of the"
        f" last three {100 * (flip[-3:].mean() - bare[-3:].mean()):.1f}",
    ):
        assert sentence in text


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"(?<![\d.,])\d+\.\d+(?![\d.]*\d)", text.replace(",", "")))


def commands(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if re.match(r"    (?:make|python|\.) ?", line)]
    return [re.split(r"\s{2,}#", line)[0].strip() for line in lines]


def whole(number: int, run: str) -> np.ndarray:
    """Accuracies on the whole test set with so many images a class, one a seed."""
    folder = ROOT / f"results/images_a_class/{number}_a_class/images_a_class/curves/{run}"
    files = sorted(folder.glob("seed*/evaluation.json"))
    return np.array([json.loads(file.read_text())["top1"] for file in files])


def gain_of(number: int, run: str) -> np.ndarray:
    """Accuracy over none of the same seed, for the seeds of the method."""
    mixed = whole(number, run)
    return mixed - whole(number, "none")[: len(mixed)]  # the seeds are 0, 1, 2


def test_accuracy_by_images_a_class_is_told_as_it_was_measured():
    lines = read(EXPERIMENTS).splitlines()
    (row,) = [line for line in lines if "images_a_class/accuracy.md" in line]
    told, gains = " ".join(read(README).split()), read(EXPERIMENTS).replace("\n ", "")
    told_of = re.findall(r"(\d+)(?: images)?: ([^;\]]+)[;\]]", row)
    assert [number for number, _ in told_of] == ["10", "20", "50", "100", "200", "500"]
    for number, runs in told_of:
        found = re.findall(r"0\.\d{3}", runs)
        methods = ("none", "samplepairing", "mixup-1")
        assert found == [f"{whole(int(number), method).mean():.3f}" for method in methods]
        for method in methods[1:]:
            difference = estimate(100 * gain_of(int(number), method))
            mean, low, high = (f"{v:+.1f}".replace("-", "−") for v in (
                difference.mean, difference.low, difference.high))  # fmt: skip
            assert f"{mean.removeprefix('+')}" in gains and f"{low} to {high}" in gains, method
    assert "0.516 without mixing and 0.594 with SamplePairing, +7.9 points (+3.5 to +12.2)" in told
    many = in_points(gain_of(500, "samplepairing"))
    assert f"with 500 images a class no gain is shown ({many})" in told
    assert "with 200 it is +6.3, with 50 +6.0, with 20 +4.8, with 10 none" in told


def in_points(differences: np.ndarray) -> str:
    """The estimate of some differences as the documents write it: "−1.9, −8.1 to +4.3"."""
    found = estimate(differences)
    return f"{signed(found.mean)}, {signed(found.low)} to {signed(found.high)}"


def test_how_the_gain_changes_with_the_images_is_told_with_its_interval():
    text = " ".join(read(EXPERIMENTS).split())
    gain = {
        (run, number): gain_of(number, run)
        for run in ("samplepairing", "mixup-1")
        for number in (20, 50, 100, 200, 500)
    }
    twice = 100 * (gain["mixup-1", 100] - gain["mixup-1", 200]).mean()
    half, fifth, mixup_half, mixup_fifth = (
        in_points(gain[run, number] - gain[run, 100])
        for run in ("samplepairing", "mixup-1")
        for number in (50, 20)
    )
    assert f"(from 100 to 50 it changes by {half}, from 100 to 20 by {fifth})" in text
    assert (
        f"Mixup's is largest with 100 ({twice:.1f} above 200's) and smaller with 50 ({mixup_half})"
        f" and 20 ({mixup_fifth}; p "
    ) in text
    for run in ("samplepairing", "mixup-1"):
        many = gain[run, 500]
        mean, interval = in_points(gain[run, 200][: len(many)] - many).split(", ")
        assert f"{mean} ({interval})" in text
    (claim,) = [line for line in read("results/claims.yaml").splitlines() if "a growth is" in line]
    assert f"from 100 to 50 {half}".replace("−", "-") in claim


def test_what_the_warm_up_brings_is_told_for_the_same_seeds():
    text = " ".join(read(EXPERIMENTS).split())
    plain = {}
    for run in ("samplepairing-whole-set", "mixup-1", "none"):
        folder = ROOT / "results/small_data/curves" / run
        files = [folder / f"seed{seed}/evaluation.json" for seed in range(3)]
        plain[run.removesuffix("-whole-set")] = [json.loads(f.read_text())["top1"] for f in files]
    pairing, mixup, none = (in_points(whole(100, run) - np.array(plain[run])) for run in plain)
    words = [re.sub(r"^\+([\d.]+), (.*)$", r"\1 points (\2)", each) for each in (pairing, mixup)]
    assert f"SamplePairing is better by {words[0]}, Mixup with alpha 1 by" in text
    assert f"by {words[1].replace(' points', '')}, and for none it is not shown ({none})" in text


def test_what_cutmix_and_cutout_bring_to_the_digits_is_told_against_none():
    text = " ".join(read(EXPERIMENTS).split())
    runs = sorted(path.name for path in (ROOT / "results/digits/curves").iterdir())
    ends = {
        run: np.array([curve("digits", run, "accEval", s)[-10:].mean() for s in range(10)])
        for run in runs
    }
    above = {run: ends[run] - ends["none"] for run in runs if run != "none"}
    corrected = dict(zip(above, holm(list(map(paired_p, above.values()))), strict=True))
    gains = [
        re.sub(r"^\+([\d.]+), (.*)$", r"\1 (\2)", in_points(above[run]))
        for run in ("cutmix", "cutout")
    ]
    p, p2, p3, p4 = (
        f"{corrected[run]:.3f}" for run in ("cutmix", "cutout", "samplepairing", "mixup")
    )
    low, low2 = (f"{-100 * above[run].mean():.1f}" for run in ("samplepairing", "mixup"))
    assert (
        "they lie {} and {} above: not shown after Holm's correction for the ten methods against"
        " none (p {} and {}), as little as that SamplePairing and Mixup lie {} and {} below none"
        " ({} and {})."
    ).format(*gains, p, p2, low, low2, p3, p4) in text
    for readme, words in (
        (README, f"are not shown (p {p} corrected for the ten methods)"),
        (README_CN, f"没有显示出差别（按十种方法校正后 p {p}）"),
    ):
        assert words in read(readme)


def test_both_readmes_have_the_same_figures_commands_and_links():
    english, chinese = read(README), read(README_CN)
    assert figures(english) == figures(chinese)
    assert len(figures(english)) > 80
    assert commands(english) == commands(chinese)
    assert len(commands(english)) > 10
    same = chinese.replace("docs/zh/", "docs/")
    links = [set(re.findall(r"\]\(([^)]+)\)", text)) for text in (english, same)]
    assert links[0] ^ links[1] == {README, README_CN}


def test_figures_that_were_made_in_another_way_are_marked_wherever_they_stand():
    old = {"s3_cifar_exercises_small": 1, "s0_imbalance": 1}
    for document in (README, README_CN, EXPERIMENTS):
        text = read(document)
        marked = {
            suite: line.count("¹")
            for line in text.splitlines()
            for suite in re.findall(r"results/(\w+)/table\.md\)", line)
            if "¹" in line
        }
        assert marked == old, document
        assert re.search(r"^¹ .*2026-11-27", text, re.M)
