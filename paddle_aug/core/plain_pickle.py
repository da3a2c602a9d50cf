"""Reading a Python pickle of arrays without running anything.

A pickle is a program: `pickle.load`, and so `paddle.load`, calls whatever the file names. Here a
small interpreter executes only the few instructions that a file of arrays needs. Names are not
imported: each of the seven admitted ones is replaced by a function of this module that checks its
arguments; any other name is refused. Memory is limited by the file's size.
"""

import contextlib
import math
import os
import pickletools
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import numpy as np

from paddle_aug.core.errors import UserError

MAX_INSTRUCTIONS = 2_000_000  # about 25 an array; limits the time
MAX_RANK = 16
_MOST_ARGUMENTS = 3  # of the admitted functions; more would be copied at each call
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16")


def read_plain_pickle(file: IO[bytes], size: int, name: str) -> dict[str, object]:
    """The dictionary in a pickle of `size` bytes, whose keys are texts.

    Its values are arrays, texts, bytes, numbers, truth values, None, and tuples, lists and
    dictionaries of these; an array within one of the latter stays a PlainArray.
    Raises UserError with the name for a file that names any function but those that make an array,
    or that is damaged.
    """
    with refusing(name, "file of arrays"):
        content = run_pickle(cast(IO[bytes], BoundedFile(file, size)))
        if type(content) is not dict:
            raise _RefusedError("holds no dictionary")
        return {**content, **finished(arrays_in(content), size)}


def arrays_in(values: dict[str, Any]) -> dict[str, "PlainArray"]:
    """The arrays of a dictionary that a pickle held."""
    return {name: value for name, value in values.items() if isinstance(value, PlainArray)}


def finished(arrays: dict[str, "PlainArray"], size: int) -> dict[str, np.ndarray]:
    """Contiguous, writable arrays; names of one array in the file have one array.

    size: bytes of the file. Arrays may share bytes in it: more than that in all are refused.
    """
    distinct = {id(array): array for array in arrays.values()}
    if sum(array.bytes for array in distinct.values()) > size:
        raise _RefusedError("its arrays together are larger than the file")
    made = {key: array.finished() for key, array in distinct.items()}
    return {name: made[id(array)] for name, array in arrays.items()}


@contextlib.contextmanager
def refusing(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """Context in which a pickle is read: what is refused or damaged becomes a UserError.

    kind: what the file should be, in words.
    """
    try:
        yield
    except _RefusedError as error:
        raise UserError(f"{path}: {error}") from None
    # pickletools raises ValueError for damage; taking from an empty stack raises IndexError.
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError):
        raise UserError(f"{path}: not a {kind}, or a damaged one") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


class _RefusedError(Exception):
    """Why a file is refused; the message lacks the path."""


class BoundedFile:
    """A file object that never reads past the file's end, whatever length an instruction claims."""

    def __init__(self, file: IO[bytes], size: int):
        self._file = file
        self._size = self._left = size

    def read(self, count: int) -> bytes:
        data = self._file.read(min(count, self._left))
        self._left -= len(data)
        return data

    def readline(self) -> bytes:
        line = self._file.readline(self._left)
        self._left -= len(line)
        return line

    def tell(self) -> int:
        """How many bytes were read."""
        return self._size - self._left


class _DType:
    """A number's type; only its byte order may be changed."""

    def __init__(self, name: object, *_: object):
        # Other values are not shown: nested tuples can be endless as text.
        if not isinstance(name, str):
            raise _RefusedError("an array's type is damaged")
        if not _DTYPE.fullmatch(name):
            raise _RefusedError(f"array type {name!r:.80} is not read, only numbers")
        self.dtype = np.dtype(name)

    def set_state(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise _RefusedError("an array's type is damaged")
        self.dtype = self.dtype.newbyteorder(order)


class PlainArray:
    """An array under construction; empty until its state is set."""

    def __init__(self, *_: object):
        self.array: np.ndarray | None = None

    def set_state(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _RefusedError("an array's state is damaged")
        _, shape, kind, fortran, data = state
        if not isinstance(shape, tuple) or len(shape) > MAX_RANK or not isinstance(kind, _DType):
            raise _RefusedError("an array's shape or type is damaged")
        if not all(type(side) is int and 0 <= side < 2**40 for side in shape):
            raise _RefusedError("an array's shape is damaged")
        flat = _numbers(kind, data, math.prod(shape))
        self.array = flat.reshape(shape, order="F" if fortran is True else "C")

    @property
    def bytes(self) -> int:
        return 0 if self.array is None else self.array.nbytes

    def finished(self) -> np.ndarray:
        """The array: contiguous, writable, in this machine's byte order."""
        if self.array is None:
            raise _RefusedError("an array has no content")
        array = self.array.astype(self.array.dtype.newbyteorder("="), order="C", copy=True)
        return bfloat16_to_float32(array) if array.dtype == np.uint16 else array


def bfloat16_to_float32(bits: np.ndarray) -> np.ndarray:
    """float32 of bfloat16 values that are stored as uint16, of any shape; exact."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _numbers(kind: _DType, data: object, count: int) -> np.ndarray:
    if isinstance(data, str):  # a pickle of Python 2
        data = _encode(data, "latin1")
    if not isinstance(data, bytes) or len(data) != count * kind.dtype.itemsize:
        raise _RefusedError("an array's content does not fit its shape")
    return np.frombuffer(data, kind.dtype)


def _scalar(kind: object, data: object) -> PlainArray:
    if not isinstance(kind, _DType):
        raise _RefusedError("a number's type is damaged")
    array = PlainArray()
    array.array = _numbers(kind, data, 1).reshape(())
    return array


def _encode(text: object, encoding: object) -> bytes:
    """Bytes from a text, the form in which pickles of protocol 2 store them."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _RefusedError("a text that stands for bytes is damaged")
    return text.encode("latin-1")


def _ordered_dict(*items: object) -> dict[str, object]:
    if items:
        raise _RefusedError("a dictionary is damaged")
    return {}


def _tuple(values: object) -> tuple[object, ...]:
    if not isinstance(values, tuple):
        raise _RefusedError("a tuple is damaged")
    return values


def _never(*_: object) -> object:
    raise _RefusedError("an array is made in an unusual way")


_ADMITTED: dict[str, Callable[..., object]] = {
    "numpy.core.multiarray _reconstruct": PlainArray,
    "numpy._core.multiarray _reconstruct": PlainArray,
    "numpy.core.multiarray scalar": _scalar,
    "numpy._core.multiarray scalar": _scalar,
    "numpy ndarray": _never,  # only used as an argument of _reconstruct
    "numpy dtype": _DType,
    "collections OrderedDict": _ordered_dict,
    "_codecs encode": _encode,
    "builtins tuple": _tuple,
    "__builtin__ tuple": _tuple,
}


class _Name:
    """A function that the file names, with the function of this module that replaces it."""

    def __init__(self, module: object, name: object):
        if not isinstance(module, str) or not isinstance(name, str):
            raise _RefusedError("a function's name is damaged")
        self.text = f"{module} {name}"
        if self.text not in _ADMITTED:
            raise _RefusedError(
                f"refused: it would run {module:.40}.{name:.40}, which a file of weights does not "
                "need"
            )

    def __call__(self, arguments: object) -> object:
        if not isinstance(arguments, tuple):
            raise _RefusedError("a call has no arguments")
        if len(arguments) > _MOST_ARGUMENTS:
            raise _RefusedError(f"{self.text} has the wrong arguments")
        try:
            return _ADMITTED[self.text](*arguments)
        except TypeError:
            raise _RefusedError(f"{self.text} has the wrong arguments") from None


_PUSHED = {
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BINSTRING", "SHORT_BINSTRING", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
}  # fmt: skip
_CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def run_pickle(file: IO[bytes]) -> object:
    """Execute the instructions; returns the value that is left on the stack.

    file: a BoundedFile.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # the stacks below each mark
    memo: dict[int, Any] = {}
    copied = 0
    for count, (opcode, argument, place) in enumerate(pickletools.genops(file)):
        if count >= MAX_INSTRUCTIONS:
            raise _RefusedError(f"more than {MAX_INSTRUCTIONS:,} instructions")
        # A text that was read once can be made into bytes by a few instructions, many times.
        if copied > cast(int, place):
            raise _RefusedError("its texts would become more bytes than the file has")
        name = opcode.name
        if name in _PUSHED:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in _TUPLES:
            stack.append(tuple(_pop(stack, _TUPLES[name])))
        elif name == "MARK":
            below.append(stack)
            stack = []
        elif name in ("TUPLE", "SETITEMS", "APPENDS"):
            values, stack = stack, below.pop()
            _collect(name, stack, values)
        elif name == "SETITEM":
            values = _pop(stack, 2)
            _collect("SETITEMS", stack, values)
        elif name == "APPEND":
            values = _pop(stack, 1)
            _collect("APPENDS", stack, values)
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else cast(int, argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[cast(int, argument)])
        elif name == "GLOBAL":
            stack.append(_Name(*str(argument).split(" ", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(_Name(*_pop(stack, 2)))
        elif name == "REDUCE":
            function, arguments = _pop(stack, 2)
            if not isinstance(function, _Name):
                raise _RefusedError("refused: it would call what is no admitted function")
            copied += _characters(arguments)
            stack.append(function(arguments))
        elif name == "BUILD":
            (state,) = _pop(stack, 1)
            if not isinstance(stack[-1], PlainArray | _DType):
                raise _RefusedError("refused: it would set the state of what is no array")
            copied += _characters(state)
            stack[-1].set_state(state)
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise _RefusedError(f"refused: instruction {name} does not occur in files of weights")
    raise _RefusedError("it ends too early")


def _characters(values: object) -> int:
    """How many characters the texts among a call's arguments, or in a state, have."""
    few = values[:MAX_RANK] if isinstance(values, tuple) else ()
    return sum(len(value) for value in few if isinstance(value, str))


def _pop(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise _RefusedError("a value is missing")
    values = stack[-count:]
    del stack[-count:]
    return values


def _collect(name: str, stack: list[Any], values: list[Any]) -> None:
    """Put the values into a new tuple, or into the list or dictionary on top of the stack."""
    if name == "TUPLE":
        stack.append(tuple(values))
    elif name == "APPENDS":
        if type(stack[-1]) is not list:
            raise _RefusedError("a list is damaged")
        stack[-1].extend(values)
    else:
        keys = values[::2]
        # Only text as keys: computing the hash of nested tuples can take for ever.
        if type(stack[-1]) is not dict or len(values) % 2 or any(type(k) is not str for k in keys):
            raise _RefusedError("a dictionary is damaged, or has other keys than text")
        stack[-1].update(zip(keys, values[1::2], strict=True))
