#!/usr/bin/env python3
"""Bring paddle_aug/locale up to date with the messages in the code. Needs Babel.

    python tools/translations.py            new messages into the .po file, and the .mo file from it
    python tools/translations.py --missing  print what has no translation yet

tools/find_messages.py tells what a message is.
"""

import argparse
import io
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools.find_messages import ROOT, messages

CATALOGUE = ROOT / "paddle_aug" / "locale" / "zh" / "LC_MESSAGES" / "paddle_aug.po"

DATE = datetime(2026, 1, 1, tzinfo=timezone.utc)  # the .mo file has one
HEADER = """\
# Chinese messages of paddle_aug, brought up to date by tools/translations.py.
# One term for one thing:
#   augmentation 增强    mixing 混合    partner 另一张图片    lam lam（不译）    label 标签
#   class 类别    run 运行    checkpoint 检查点    suite 套件    claim 结论    verdict 判定
#   training 训练集    evaluation 验证集/评估    test 测试集    epoch 轮    step 步    batch 批
#   learning rate 学习率    loss 损失    accuracy 准确率    weights 权重    head 分类头
#   seed 种子    baseline 基线    interval 区间    worker 工作进程    core 核    thread 线程
#   image root 图片根目录    list 列表    table 表格    archive 压缩包    damaged 已损坏
#   left out 已略过    state 状态    deviation 标准差    default 默认    flatter 偏于乐观
#   published 已发表
# Names of options, files, methods and models stay as they are.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"""

# Texts that are code or names, and stay as they are.
NOT_MESSAGES = {
    "names of fonts": {
        "AR PL UMing CN", "Arial Unicode MS", "Droid Sans Fallback", "Heiti TC", "Hiragino Sans GB",
        "Microsoft YaHei", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "PingFang SC",
        "Source Han Sans CN", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    },
    "words that a program reads": {
        "-m pip install", "<re\\.Match object;.*?match=('[^']*')>", "outside lower center",
        "system volume information", "paddle_aug state 1", "picture of paddle_aug", "python {0}",
        '<meta name="generator" content="paddle_aug report">',
        "<tr><td>{0}</td><td><meter value='{1}'></meter></td><td>{2}</td></tr>",
        "<p role='alert'>{0}</p>",
        "{0} {{percentage:3.0f}}%|{1}| {2}/{3} epochs{4}", "model name", "upper left", "new head",
        "en", "zh", "evaluation root",
        "When training, we now always track global mean", "output gradient", "input gradient",
    },
    "types": {
        "tuple[Grid, str]", "tuple[list[NamedImage], frozenset[str]]",
    },
}  # fmt: skip
# A command or options to copy, without a remark after two blanks, and names of programs.
COMMAND = re.compile(
    r"python predict\.py .*|(python|\{0\}) -m (paddle_aug|pip)( [^ ]+)*|paddle_aug \{0\}"
    r"|(--[a-z-]+ [^ ,]+|\"| 96\"| )+"
)
# Said by argparse, or made of pieces that no single text in the code shows.
ELSEWHERE = {
    "usage", "options", "positional arguments", "show this help message and exit",
    "show program's version number and exit", "unrecognized arguments: {0}",
    "the following arguments are required: {0}", "expected one argument", "expected {0} arguments",
    "expected at least one argument", "expected at most one argument", "{0}: expected one argument",
    "{0}: expected {1} arguments", "{0}: expected at least one argument",
    "{0}: not allowed with argument {1}", "{0}: invalid {1} value: {2}",
    "one of the arguments {0} is required", "{0}: ignored explicit argument {1}", "default: {0}",
    "{0}; {1} --help explains", "{n} {0} images of {1}", "{n} {0} image of {1}",
    # Heads of tables, which are keys in the code or names in files too.
    "precision", "recall", "support", "train", "eval", "width", "height", "width / height", "run",
    "runs", "epochs", "mean of", "loss train", "loss eval", "acc train", "acc eval",
    "points vs {0}", "s per epoch", "claim", "published", "ours", "over", "seeds", "verdict",
    "points", "{0} interval", "key", "name", "difference",
}  # fmt: skip
# Single words that are translated where they are filled in. Others are taken for names.
VALUES = {
    "training", "evaluation", "never", "shown", "above", "below", "smaller", "larger", "seeds",
    "images", "damaged", "they", "reproduced", "contradicted", "undecided", "small", "large",
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--missing", action="store_true", help="print what is not translated")
    args = parser.parse_args()
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po, write_po

    with CATALOGUE.open("rb") as file:
        old = read_po(file, locale="zh")
    # Without dates of its own, the same messages give the same bytes.
    new = Catalog(locale="zh", charset="utf-8", creation_date=DATE, revision_date=DATE)
    for (context, text), files in sorted(wanted().items()):
        before = old.get(text, context or None)
        where = [(name, None) for name in sorted(files)]
        new.add(text, before.string if before else "", where, context=context or None)
    text = io.BytesIO()
    write_po(text, new, width=100, omit_header=True, include_lineno=False)
    CATALOGUE.write_text(HEADER + "\n" + text.getvalue().decode("utf-8"), encoding="utf-8")
    with CATALOGUE.with_suffix(".mo").open("wb") as file:
        write_mo(file, new)
    missing = [message.id for message in new if message.id and not message.string]
    if args.missing:
        print("\n".join(missing))
    print(f"{len(new)} messages, {len(missing)} without a translation", file=sys.stderr)
    return 1 if missing else 0


def wanted(root: Path = ROOT) -> dict[tuple[str, str], set[str]]:
    """What the catalogue must hold: (context, message), with the files it stands in."""
    code = set().union(*NOT_MESSAGES.values())
    found = {
        ("", text): files
        for text, files in messages(root).items()
        if text not in code and not COMMAND.fullmatch(text)
    }
    for text in ELSEWHERE:
        found.setdefault(("", text), set())
    for word in VALUES:
        found["value", word] = set()
    return found


if __name__ == "__main__":
    raise SystemExit(main())
