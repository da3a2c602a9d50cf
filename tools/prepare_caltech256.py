#!/usr/bin/env python3
"""Make data/caltech256_16 from Caltech-256; the same as prepare_data.py caltech256.

python tools/prepare_caltech256.py --download
python tools/prepare_caltech256.py ~/Downloads/256_ObjectCategories.tar
"""

import sys

from prepare_data import main, run_command

if __name__ == "__main__":
    run_command(lambda: main(["caltech256", *sys.argv[1:]]))
