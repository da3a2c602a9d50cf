"""Each kind of operation as oneDNN primitives.

A lowering emits the forward steps, keeps the arrays that its gradient needs, and returns a function
that emits the backward steps and drops these arrays. That function is called only if the gradient
of the operation's output is wanted.
"""

from collections.abc import Callable

from paddle_aug.onednn.graph.operations import Operation
from paddle_aug.onednn.plan.arrays import Planner
from paddle_aug.onednn.plan.products import convolution, linear
from paddle_aug.onednn.plan.simple import add, concat, dropout, flatten, relu
from paddle_aug.onednn.plan.windows import batch_norm, pool

LOWERINGS: dict[str, Callable[[Planner, Operation], Callable[[], None]]] = {
    "convolution": convolution,
    "linear": linear,
    "batch_norm": batch_norm,
    "pool": pool,
    "concat": concat,
    "add": add,
    "relu": relu,
    "flatten": flatten,
    "dropout": dropout,
}
