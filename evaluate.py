#!/usr/bin/env python3
"""Evaluate a run or a checkpoint: python evaluate.py logs/samplePairing"""

from paddle_aug.__main__ import run

if __name__ == "__main__":
    run("evaluate")
