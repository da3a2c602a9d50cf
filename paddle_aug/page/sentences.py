"""All sentences of the report page in English and Chinese, in one table.

{name} is replaced by a value. In "one|several" the first part is for n = 1.
"""

import re
from typing import Any

LANGUAGES = ("en", "zh")

SENTENCES: dict[str, tuple[str, str]] = {
    # What the page is about
    "title_runs": ("Comparison of {n} run|Comparison of {n} runs", "{n} 次训练的比较"),
    "source": ("Source: {text}", "来源：{text}"),
    "published_words": ("Published: {text}", "已发表的结果：{text}"),
    "written": ("Figures of {date}", "数据日期：{date}"),
    "quick": ("Quick scale: shows that everything runs and proves nothing.", "快速规模：只说明一切能运行，不证明任何结论。"),
    "not_own": ("Not the suite's own options, for all runs: {text}.", "所有训练都使用了非本组实验原定的选项：{text}。"),
    "missing": ("Not finished: {text}.", "尚未完成：{text}。"),
    "unlike": ("The runs differ in more than what is studied: see the section on differences.", "各次训练的差别不止于所研究的选项：见“配置的差别”一节。"),
    "contents": ("Contents", "目录"),
    # Verdicts
    "verdicts": ("Verdicts", "判定"),
    "published": ("published", "已发表"),
    "ours": ("ours", "我们的结果"),
    "interval": ("95 % interval", "95 % 区间"),
    "over": ("interval over", "区间的对象"),
    "seeds_used": ("seeds", "种子数"),
    "p_holm": ("p (Holm)", "p（Holm 校正）"),
    "scale": ("Scale: {text}.", "规模：{text}。"),
    "reproduced": ("reproduced", "已复现"),
    "same_direction": ("same direction", "方向一致"),
    "not_seen": ("not seen", "未见到"),
    "contradicted": ("contradicted", "与之相反"),
    "undecided": ("undecided", "未能判定"),
    "means_reproduced": ("The effect is there, and our interval meets the published size or its tolerance.", "效应存在，我们的区间与已发表的大小或其容许范围相交。"),
    "means_same_direction": ("The effect is there; its size is another one, or one seed cannot tell.", "效应存在，但大小不同，或仅凭一个种子不能断定。"),
    "means_not_seen": ("No such effect is shown, and the published figure is excluded.", "没有显示出这样的效应，已发表的数值也被排除。"),
    "means_contradicted": ("A difference is shown where none, or the opposite, was published.", "显示出的差别与已发表的相反，或已发表的是没有差别。"),
    "means_undecided": ("The published figure is neither confirmed nor excluded: more seeds are needed.", "已发表的数值既没有得到证实，也没有被排除：需要更多种子。"),
    "to_settle": ("About {n} seeds would settle it (power 80 %, from the deviation of ours).", "大约 {n} 个种子可以判定（检验功效 80 %，按我们结果的标准差估计）。"),
    "to_settle_many": ("More than {n} seeds would be needed to settle it.", "需要超过 {n} 个种子才能判定。"),
    "figure_judged": ("Judged: {curve}, {figure}.", "判定所用：{curve}，{figure}。"),
    "of_last_state": ("Ours and its interval are of the last state on the whole evaluation set; by the claim's own figure ours is {value}.", "我们的数值及其区间取自最后状态在整个验证集上的结果；按该结论自己的指标，我们的数值是 {value}。"),
    "no_claims": ("No published claim is judged here. What the runs say of each other:", "这里没有要判定的已发表结论。各次训练之间的比较："),
    "nothing_compared": ("There is one method only, so nothing is compared.", "只有一种方法，没有可比较的。"),
    "shown_above": ("{method} is above {baseline} by {points} points ({interval}): a difference is shown.", "{method} 比 {baseline} 高 {points} 个百分点（{interval}）：差别成立。"),
    "shown_below": ("{method} is below {baseline} by {points} points ({interval}): a difference is shown.", "{method} 比 {baseline} 低 {points} 个百分点（{interval}）：差别成立。"),
    "none_shown": ("{method} against {baseline}: {points} points ({interval}); no difference is shown.", "{method} 与 {baseline} 相比：{points} 个百分点（{interval}）；没有显示出差别。"),
    "interval_is": ("95 % interval {interval}, {over}", "95 % 区间 {interval}，{over}"),
    "over_seeds": ("over {n} seed|over {n} seeds", "基于 {n} 个种子"),
    "over_images": ("one seed, over the images of this evaluation set", "一个种子，基于本验证集的图像"),
    "over_nothing": ("no interval", "没有区间"),
    "seeds": ("seeds", "种子"),
    "images": ("images (one seed)", "图像（一个种子）"),
    "nothing": ("–", "–"),
    "points": ("{value} points", "{value} 个百分点"),
    "no_difference": ("no difference", "没有差别"),
    "no_gain": ("no gain (below {tolerance})", "没有提高（低于 {tolerance}）"),
    "within": ("{value} (± {tolerance})", "{value}（± {tolerance}）"),
    "range": ("{low} to {high}", "{low} 至 {high}"),
    "epoch": ("epoch {epoch}", "第 {epoch} 轮"),
    "never": ("never", "从不"),
    "rule": ("How runs are compared and claims are judged is explained in docs/judging.md of the project.", "如何比较训练、如何判定结论，见本项目的 docs/judging.md。"),
    # Tables
    "methods": ("Methods", "各方法"),
    "accuracy_table": ("Evaluation accuracy of each method", "各方法的验证准确率"),
    "against": ("Against {baseline}", "与 {baseline} 相比"),
    "losses_table": ("Losses and training accuracy, mean of the last {n} epoch|Losses and training accuracy, mean of the last {n} epochs", "损失与训练准确率，最后 {n} 轮的平均"),
    "method": ("method", "方法"),
    "epochs": ("epochs", "轮数"),
    "mean_of_last": ("mean of the last {n}", "最后 {n} 轮平均"),
    "last": ("last epoch", "最后一轮"),
    "best": ("best epoch", "最好一轮"),
    "whole": ("whole evaluation set", "整个验证集"),
    "seconds": ("s per epoch", "每轮秒数"),
    "points_column": ("points", "百分点"),
    "seeds_needed": ("seeds needed", "所需种子数"),
    "above_from": ("above from epoch", "从哪一轮起高于基线"),
    "shown": ("shown", "已成立"),
    "baseline": ("baseline", "基线"),
    "note_figures": ("Figures are the mean over seeds, ± the sample standard deviation, with Student's 95 % interval of the mean in brackets. The best epoch (counted from 0) is chosen on the data it is measured on, so it flatters.", "数值为各种子的平均 ± 样本标准差，方括号内为均值的 95 % 学生 t 区间。最好一轮（从 0 数起）是在测量它的数据上挑出的，因此偏高。"),
    "note_seeds": ("Over seeds: differences seed by seed, paired t interval and test. Seeds needed: to show a difference as large as ours with a power of 80 % after Holm's correction.", "基于种子：逐种子相减，用配对 t 区间和检验。所需种子数：经 Holm 校正后，以 80 % 的功效显示出与我们一样大的差别。"),
    "note_images": ("Over images: one seed, so the difference is that of the last state on the whole evaluation set, with the interval of a paired bootstrap and McNemar's exact test. It is of this evaluation set and not of the seed: another seed, or another epoch, may differ by more.", "基于图像：只有一个种子，因此差别取自最后状态在整个验证集上的结果，用配对自助法区间和 McNemar 精确检验。它说的是这个验证集而不是种子：换一个种子或换一轮，差别可能更大。"),
    "note_nothing": ("Over –: no interval, as there is one seed and no predictions of both, no seed in common, a diverged run, or the same difference in every seed or image.", "区间的对象为“–”：没有区间，因为只有一个种子而没有双方的预测、没有共同的种子、有训练发散，或每个种子、每张图像的差别都相同。"),
    "note_other_seeds": ("Other seeds than {baseline}: {methods}; the points and the epoch are of the seeds that both have.", "与 {baseline} 的种子不同：{methods}；百分点与轮数只取双方共有的种子。"),
    "note_window": ("Above from epoch: the first (from 0) from which the evaluation accuracy, smoothed over {n} epochs, stays above the baseline's to the end; of the mean curves, and of each seed in brackets.", "从哪一轮起高于基线：验证准确率（在 {n} 轮上平滑）从该轮（从 0 数起）起直到结束都高于基线；先是平均曲线的，括号内是每个种子的。"),
    "scroll": ("Table, may be scrolled sideways: {text}", "表格，可左右滚动：{text}"),
    # Curves
    "curves": ("Curves", "曲线"),
    "accuracy": ("Accuracy", "准确率"),
    "loss": ("Loss", "损失"),
    "zoom": ("{what}, last {n} epoch|{what}, last {n} epochs", "{what}，最后 {n} 轮"),
    "against_epoch": ("{what} against the epoch", "{what}随轮数的变化"),
    "key_lines": ("Solid: evaluation; dashed: training.", "实线：验证；虚线：训练。"),
    "key_band": ("Bands: ± one standard deviation over the seeds.", "色带：各种子的 ± 一个标准差。"),
    "key_mixing": ("Shaded: epochs in which SamplePairing mixed.", "阴影：SamplePairing 混合图像的轮次。"),
    "cut": ("Values above {value} are not shown.", "高于 {value} 的值未画出。"),
    "alt_curves": ("{title}. {what}, mean of the last {n}: {values}.", "{title}。{what}，最后 {n} 轮平均：{values}。"),
    "lossTrain": ("training loss", "训练损失"),
    "accTrain": ("training accuracy", "训练准确率"),
    "lossEval": ("evaluation loss", "验证损失"),
    "accEval": ("evaluation accuracy", "验证准确率"),
    # Images and answers
    "training_images": ("What the model saw", "模型看到的图像"),
    "training_note": ("The first images of the first batches of an epoch, augmented and mixed as in training, by each run's own options.", "某一轮最初几个批次的前几张图像，按各次训练自己的选项增强和混合，与训练时相同。"),
    "training_epoch": ("Epoch {epoch}, seed {seed}.", "第 {epoch} 轮，种子 {seed}。"),
    "other_data": ("The data on this machine are not those that the run recorded.", "本机上的数据与训练时记录的数据不同。"),
    "no_images": ("No images: {reason}", "没有图像：{reason}"),
    "left_out": ("left out on request (--no-images)", "按要求省略（--no-images）"),
    "alt_training": ("Training image: {text}", "训练图像：{text}"),
    "mixed_labels": ("{lam} {label} + {rest} {partner}", "{lam} {label} + {rest} {partner}"),
    "mixed_in": ("{label}, mixed with {partner}", "{label}，混入 {partner}"),
    "matrices": ("Confusion matrices", "混淆矩阵"),
    "matrix_note": ("Rows: true classes; columns: predicted ones; numbers: images of the whole evaluation set, by the last state, over all seeds. The stronger the colour, the larger the share of the true class.", "行：真实类别；列：预测类别；数字：整个验证集中的图像数，按最后状态，所有种子合计。颜色越浓，占真实类别的比例越大。"),
    "matrix_title": ("{label}: {accuracy} on {images} images", "{label}：{images} 张图像，准确率 {accuracy}"),
    "true_class": ("true \\ predicted", "真实 \\ 预测"),
    "alt_matrix": ("Confusion matrix of {label}, {n} classes; most frequent errors: {errors}.", "{label} 的混淆矩阵，{n} 个类别；最常见的错误：{errors}。"),
    "errors": ("Most frequent errors: {errors}.", "最常见的错误：{errors}。"),
    "confused": ("{true} as {predicted} ({count})", "{true} 认作 {predicted}（{count}）"),
    "no_answers": ("No run has predictions; python evaluate.py RUN --checkpoint last makes them.", "没有一次训练有预测结果；可用 python evaluate.py RUN --checkpoint last 生成。"),
    "changed": ("Images that changed", "结果有变的图像"),
    "changed_counts": ("Against {baseline}, seed {seed}, on {images} images: {gained} became right, {lost} became wrong.", "与 {baseline} 相比，种子 {seed}，共 {images} 张图像：{gained} 张由错变对，{lost} 张由对变错。"),
    "gained": ("From wrong to right, the surest first", "由错变对，按把握从大到小"),
    "lost": ("From right to wrong, the surest of {baseline} first", "由对变错，按 {baseline} 的把握从大到小"),
    "true_is": ("true: {label}", "真实：{label}"),
    "answered": ("{method}: {label} {share}", "{method}：{label} {share}"),
    "this_method": ("this method", "本方法"),
    "image_number": ("image {number}", "第 {number} 张"),
    "no_pictures": ("Without pictures, by their place in the evaluation set (from 0): {reason}", "没有图片，只列出在验证集中的序号（从 0 数起）：{reason}"),
    "nothing_changed": ("No other method has predictions on the same images as the baseline in a common seed.", "没有其他方法与基线在相同种子、相同图像上都有预测结果。"),
    # Differences, environment, commands
    "differences": ("Differences of configuration", "配置的差别"),
    "studied": ("Options that are studied", "所研究的选项"),
    "option": ("option", "选项"),
    "option_default": ("the method's own", "方法自带的值"),
    "other_differences": ("Other differences", "其他差别"),
    "no_other": ("Nothing else that is recorded differs and could change a figure.", "其余有记录、可能影响数值的内容都相同。"),
    "unknown": ("Not known", "未知"),
    "warnings": ("Remarks on the files", "关于文件的说明"),
    "environment": ("Environment", "环境"),
    "seeds_of": ("{label} (seed {seeds})|{label} (seeds {seeds})", "{label}（种子 {seeds}）"),
    "not_recorded": ("not recorded", "没有记录"),
    "for_runs": ("Runs", "训练"),
    "processor": ("Processor", "处理器"),
    "cores": ("{n} core|{n} cores", "{n} 核"),
    "threads": ("Threads", "线程"),
    "system": ("System", "系统"),
    "device": ("Device", "设备"),
    "computed_by": ("Computed by", "计算后端"),
    "versions": ("Versions", "版本"),
    "code": ("Code", "代码"),
    "data": ("Data", "数据"),
    "data_is": ("{name}: {train} training and {eval} evaluation images", "{name}：{train} 张训练图像，{eval} 张验证图像"),
    "commands": ("Commands that repeat it", "重复实验的命令"),
    "command_all": ("All of it:", "全部："),
    "command_each": ("Run by run:", "逐次训练："),
    "command": ("command", "命令"),
    "seed": ("seed", "种子"),
    "training_time": ("training", "训练时间"),
    "command_page": ("This page:", "本页："),
    "minutes": ("{n} min", "{n} 分钟"),
    "hours": ("{n} h", "{n} 小时"),
    "footer": ("Made by paddle_aug. One file, no network and no script needed.", "由 paddle_aug 生成。单个文件，不需要网络和脚本。"),
}  # fmt: skip

# Reasons and remarks that other modules word in English, by their English text; {} stands for what
# was filled in.
REMARKS: dict[str, str] = {
    "one seed, on this evaluation set: {}": "一个种子，就这个验证集而言：{}",
    "a difference the other way is shown": "显示出相反方向的差别",
    "the difference is shown, and the interval holds the published size": "差别成立，区间包含已发表的大小",
    "the difference is shown, and the interval meets the tolerance around the published size, though not that size itself": "差别成立，区间与已发表大小的容许范围相交，但不包含该大小本身",
    "the difference is shown, but smaller than the published one": "差别成立，但比已发表的小",
    "the difference is shown, but larger than the published one": "差别成立，但比已发表的大",
    "both the published difference and none are still possible": "已发表的差别和没有差别都还可能",
    "no such difference is shown, and the interval excludes the published size": "没有显示出这样的差别，区间也排除了已发表的大小",
    "the whole interval is within the tolerance": "整个区间都在容许范围内",
    "the whole interval is below the published value": "整个区间都低于已发表的数值",
    "the whole interval is above the published value": "整个区间都高于已发表的数值",
    "the interval is partly within the tolerance only": "区间只有一部分在容许范围内",
    "there are no curves to compare": "没有可比较的曲线",
    "our runs end after {} epochs, too early to tell": "我们的训练在 {} 轮后结束，还不足以判断",
    "the curve never stays above the baseline's": "曲线从未一直高于基线",
    "it stays above in {} of {} seeds only": "{1} 个种子中只有 {0} 个一直高于基线",
    "the whole interval is within the tolerance around no difference": "整个区间都在“没有差别”的容许范围内",
    "a difference is shown where none was published": "已发表的是没有差别，却显示出差别",
    "a difference within the tolerance and one beyond it are both possible": "容许范围之内和之外的差别都还可能",
    "there is no figure to compare": "没有可比较的数值",
    "one seed, and no interval": "只有一个种子，没有区间",
    "every seed or image gives the same, so that there is no interval": "每个种子或每张图像的结果都相同，因此没有区间",
    "a curve has values that are not finite": "曲线中有非有限的数值",
    "the whole interval is below the least gain that would be visible": "整个区间都低于看得出的最小提高",
    "there is no finished run of {}": "没有完成的 {} 训练",
    "options of {}: not recorded, so not compared": "{}：选项没有记录，因此没有比较",
    "code, data, processor and backend of {}: not recorded, so not compared": "{}：代码、数据、处理器和后端没有记录，因此没有比较",
    "any run": "所有训练",
}  # fmt: skip


class Language:
    """The page's sentences in one language: `say("seeds_used")`, `say("epoch", epoch=3)`."""

    def __init__(self, name: str):
        self.name = name
        self._place = LANGUAGES.index(name)

    def __call__(self, key: str, **values: Any) -> str:
        """A sentence of SENTENCES. Raises KeyError for an unknown key or a missing value."""
        text = SENTENCES[key][self._place]
        one, _, several = text.partition("|")
        return (one if values.get("n") == 1 or not several else several).format(**values)

    def remark(self, text: str) -> str:
        """The translation of an English text of another module; an unknown one is left
        unchanged."""
        if self.name == "en":
            return text
        for english, other in REMARKS.items():
            pattern = "(.+)".join(map(re.escape, english.split("{}")))
            if found := re.fullmatch(pattern, text, re.DOTALL):
                return other.format(*map(self.remark, found.groups()))
        return text
