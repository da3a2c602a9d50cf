"""Random streams that depend on the seed, the epoch and the index, and on nothing else.

Every random choice of the data path comes from a stream of its own, so that the result is the same
for any number of workers, and a resumed run continues as if it had never stopped.
"""

import numpy as np

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


def stream(seed: int, epoch: int, index: int, purpose: str = "image") -> np.random.Generator:
    """Generator for one choice.

    seed, epoch, index: whole numbers from 0 and below 2**32; index is an image's place in its data
    set for "image" and "partner", a batch's number for "mix", 0 otherwise.
    purpose: a key of PURPOSES.
    """
    # An array, as NumPy takes longer to convert a list than to seed the generator.
    entropy = np.array([seed, epoch, index, PURPOSES[purpose]], np.uint32)
    return np.random.default_rng(entropy)
