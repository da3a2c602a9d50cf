#!/usr/bin/env python3
"""Cut Noto Sans SC down to GB2312 for the pictures of machines without a Chinese font.

    cd paddle_aug/report/fonts
    python ../../../tools/subset_font.py NotoSansSC-Regular.otf NotoSansSC-GB2312.otf

The source is release 2.004 of Noto Sans SC (SIL Open Font License 1.1). Left out: hinting, layout
tables, and characters that DejaVu Sans has, which matplotlib brings and asks first.
"""

import argparse
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib import get_data_path

ROWS = range(0xA1, 0xFF)
NAMES = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # copyright, names, version, licence
UNUSED_TABLES = ["vhea", "vmtx", "VORG", "BASE", "GSUB", "GPOS", "GDEF", "DSIG"]


def gb2312() -> set[int]:
    """Code points of GB2312: 6763 Chinese characters, punctuation and other scripts."""
    pairs = (bytes([row, cell]).decode("gb2312", "ignore") for row in ROWS for cell in ROWS)
    return {ord(character) for character in pairs if character}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path, help="NotoSansSC-Regular.otf")
    parser.add_argument("target", type=Path, help="the file to write")
    args = parser.parse_args()
    dejavu = TTFont(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf").getBestCmap()
    options = subset.Options(
        hinting=False,
        layout_features=[],
        notdef_outline=True,
        name_IDs=NAMES,
    )
    options.drop_tables += UNUSED_TABLES
    font = subset.load_font(str(args.source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=(gb2312() - dejavu.keys()) | {ord(" ")})
    subsetter.subset(font)
    subset.save_font(font, str(args.target), options)
    print(
        f"{args.target}: {len(font.getBestCmap())} characters, {args.target.stat().st_size} bytes"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
