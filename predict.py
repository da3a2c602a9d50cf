#!/usr/bin/env python3
"""Predict images with a trained model: python predict.py logs/samplePairing photo.jpg"""

# Nothing else is imported here: from the next line on Ctrl-C ends the program in an orderly way.
from paddle_aug.__main__ import run

if __name__ == "__main__":
    run("predict")
