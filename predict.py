#!/usr/bin/env python3
"""Predict images with a trained model: python predict.py logs/samplePairing photo.jpg"""

from paddle_aug.__main__ import run

if __name__ == "__main__":
    run("predict")
