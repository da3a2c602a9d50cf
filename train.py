#!/usr/bin/env python3
"""Train a classifier under augmentation: python train.py --augment samplePairing"""

from paddle_aug.__main__ import run

if __name__ == "__main__":
    run("train")
