"""Random streams that depend on the seed, the epoch and the index, and on nothing else.

Every random choice of the data path comes from a stream of its own, so that the result is the same
for any number of workers, and a resumed run continues as if it had never stopped.
"""

import threading

import numpy as np

# Held by threads that set Python's and NumPy's own generators, or look whether they change.
GLOBAL_GENERATORS = threading.RLock()

# The uses of streams. Different purposes get independent numbers at the same epoch and index.
PURPOSES = {
    "image": 0,
    "shuffle": 1,
    "mix": 2,
    "partner": 3,
    "subset": 4,
    "split": 5,
    "preview": 6,
    "step": 7,
}


def stream(
    seed: int, epoch: int, index: int, purpose: str = "image", repeat: int = 0
) -> np.random.Generator:
    """Generator for one choice.

    seed, epoch, index: whole numbers from 0 and below 2**32. purpose: a key of PURPOSES. index is
    for "image" and "partner" an image's place in its data set, or a number made of its pixels where
    it has no place; for "mix" and "step" the step's number in the epoch, counted over all
    processes; for "split" and "subset" a class's label, or 0 for all classes together; for
    "preview" the number of the cell; for "shuffle" 0. repeat: how many times the image came before
    in the epoch.
    """
    words = [seed, epoch, index, PURPOSES[purpose], *([repeat] if repeat else [])]
    # An array, as NumPy takes longer to convert a list than to seed the generator.
    return np.random.default_rng(np.array(words, np.uint32))
