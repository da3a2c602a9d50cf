#!/usr/bin/env python3
"""Evaluate a run or a checkpoint: python evaluate.py logs/samplePairing"""

# Nothing else is imported here: from the next line on Ctrl-C ends the program in an orderly way.
from paddle_aug.__main__ import run

if __name__ == "__main__":
    run("evaluate")
