"""The oneDNN library inside the Paddle wheel, called through ctypes.

The wheel contains `libdnnl.so.3` without usable headers, so the few constants of its C interface
that are needed are defined here; they are those of oneDNN 3's public headers (dnnl_types.h), which
stay the same for all of version 3 by its compatibility policy. Names follow oneDNN's documentation.
"""

import ctypes
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# dnnl_data_type_t
BF16, F32 = 2, 3
ITEM_SIZE = {BF16: 2, F32: 4}

# Argument numbers of dnnl_primitive_execute (DNNL_ARG_*)
SRC, SRC_1, DST, WEIGHTS, BIAS = 1, 2, 17, 33, 41
MEAN, VARIANCE, SCALE, SHIFT = 49, 50, 51, 52
WORKSPACE, SCRATCHPAD = 64, 80
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_BIAS = 129, 145, 161, 169
DIFF_SCALE, DIFF_SHIFT = 255, 256

# dnnl_prop_kind_t
FORWARD_TRAINING, FORWARD_INFERENCE, BACKWARD = 64, 96, 128

# dnnl_alg_kind_t
CONVOLUTION_DIRECT = 1
ELTWISE_RELU, ELTWISE_RELU_USE_DST = 32, 256
POOLING_MAX, POOLING_AVG_INCLUDE_PADDING, POOLING_AVG_EXCLUDE_PADDING = 511, 767, 1023
BINARY_ADD, BINARY_MUL = 131056, 131057

# dnnl_normalization_flags_t
USE_GLOBAL_STATS, USE_SCALE, USE_SHIFT, FUSE_NORM_RELU = 1, 2, 4, 8

# dnnl_query_t: memory descriptors of a primitive descriptor
QUERY_SRC, QUERY_WEIGHTS, QUERY_DIFF_WEIGHTS, QUERY_DIFF_DST = 129, 131, 132, 134
QUERY_WORKSPACE, QUERY_SCRATCHPAD = 135, 136
_QUERY_IMPLEMENTATION = 8

_FORMAT_ANY = 1
_ENGINE_CPU = 1
_STREAM_DEFAULT = 1
_SCRATCHPAD_USER = 1
_MAX_DIMENSIONS = 12

# The versions for which the constants above are known to be right.
SUPPORTED_MAJOR, OLDEST_MINOR = 3, 4


NO_DESC = ctypes.c_void_p(0)  # for an optional memory descriptor


# dnnl_status_t
_OUT_OF_MEMORY, _INVALID_ARGUMENTS, _UNIMPLEMENTED = 1, 2, 3


class OneDNNError(RuntimeError):
    """A call of oneDNN failed."""


class Refused(OneDNNError):
    """oneDNN does not take these arguments."""


class NotSupported(Refused):
    """oneDNN is missing, of another version, or has no such operation."""


class _Version(ctypes.Structure):
    _fields_ = (("major", ctypes.c_int), ("minor", ctypes.c_int), ("patch", ctypes.c_int))


class _Argument(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int), ("memory", ctypes.c_void_p))


def library_path() -> Path:
    """Path of oneDNN in the Paddle wheel."""
    import paddle

    return Path(paddle.__file__).parent / "libs" / "libdnnl.so.3"


class Handle:
    """A oneDNN object, destroyed when its last Python reference is gone."""

    __slots__ = ("_as_parameter_", "_destroy")

    def __init__(self, value: ctypes.c_void_p, destroy: Any):
        self._as_parameter_ = value
        self._destroy = destroy

    def __del__(self) -> None:
        if self._destroy is not None:
            self._destroy(self._as_parameter_)


class Library:
    """The loaded library with its one engine (the CPU) and one in-order stream."""

    def __init__(self, path: Path):
        try:
            self.functions = ctypes.CDLL(str(path))
            self.functions.dnnl_version.restype = ctypes.POINTER(_Version)
            version = self.functions.dnnl_version().contents
        except (OSError, AttributeError) as error:
            raise NotSupported(f"oneDNN cannot be loaded from {path}: {error}") from error
        self.version = (version.major, version.minor, version.patch)
        if version.major != SUPPORTED_MAJOR or version.minor < OLDEST_MINOR:
            found = ".".join(map(str, self.version))
            raise NotSupported(
                f"oneDNN {found} in {path} is not {SUPPORTED_MAJOR}.{OLDEST_MINOR} or a later "
                f"version {SUPPORTED_MAJOR}"
            )
        functions = self.functions
        functions.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        functions.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        functions.dnnl_primitive_execute.argtypes = [ctypes.c_void_p] * 2 + [
            ctypes.c_int,
            ctypes.c_void_p,
        ]
        functions.dnnl_memory_set_data_handle.argtypes = [ctypes.c_void_p] * 2
        self.engine = self.new("engine", "dnnl_engine_create", _ENGINE_CPU, ctypes.c_size_t(0))
        self.stream = self.new("stream", "dnnl_stream_create", self.engine, _STREAM_DEFAULT)

    def check(self, status: int, what: str) -> None:
        """Raise MemoryError or a OneDNNError unless `status` is success."""
        if status == _OUT_OF_MEMORY:
            raise MemoryError(f"{what}: out of memory")
        if status:
            kinds = {_INVALID_ARGUMENTS: Refused, _UNIMPLEMENTED: NotSupported}
            kind = kinds.get(status, OneDNNError)
            raise kind(f"{what} failed with oneDNN status {status}")

    def new(self, kind: str, function: str, *arguments: Any) -> Handle:
        """A new object from a `..._create(object_t *, ...)` function, owned by the caller."""
        value = ctypes.c_void_p()
        self.check(getattr(self.functions, function)(ctypes.byref(value), *arguments), function)
        return Handle(value, getattr(self.functions, f"dnnl_{kind}_destroy"))


@functools.cache
def library() -> Library:
    """The library, loaded at the first call. Raises NotSupported where it cannot be used."""
    return Library(library_path())


def dimensions(values: Sequence[int]) -> ctypes.Array:
    """`values` as dnnl_dims_t."""
    return (ctypes.c_int64 * _MAX_DIMENSIONS)(*values)


class MemoryDesc:
    """Shape, data type and layout of an array; `any_format` leaves the layout to oneDNN."""

    def __init__(self, handle: Handle):
        self.handle = handle
        self._as_parameter_ = handle._as_parameter_
        self.size = int(library().functions.dnnl_memory_desc_get_size(handle))

    @classmethod
    def strided(cls, shape: Sequence[int], dtype: int, strides: Sequence[int]) -> "MemoryDesc":
        """Plain layout; strides in elements."""
        arguments = (len(shape), dimensions(shape), dtype, dimensions(strides))
        function = "dnnl_memory_desc_create_with_strides"
        return cls(library().new("memory_desc", function, *arguments))

    @classmethod
    def any_format(cls, shape: Sequence[int], dtype: int) -> "MemoryDesc":
        """The primitive chooses the layout; its descriptor tells which."""
        arguments = (len(shape), dimensions(shape), dtype, _FORMAT_ANY)
        function = "dnnl_memory_desc_create_with_tag"
        return cls(library().new("memory_desc", function, *arguments))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryDesc) and bool(
            library().functions.dnnl_memory_desc_equal(self, other)
        )


def rows(shape: Sequence[int], dtype: int) -> MemoryDesc:
    """Dense row-major layout: NCHW, OIHW, [N, C] or [C]."""
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * extent)
    return MemoryDesc.strided(shape, dtype, strides)


def nhwc(shape: Sequence[int], dtype: int, channels: int | None = None) -> MemoryDesc:
    """Logical [N, C, H, W] stored as NHWC; `channels` > C describes a slice of a wider array."""
    _, width_c, height, width = shape
    pixel = channels or width_c
    return MemoryDesc.strided(shape, dtype, (height * width * pixel, 1, width * pixel, pixel))


def inputs_last(shape: Sequence[int], dtype: int) -> MemoryDesc:
    """Weights [..., I, H, W] stored as [..., H, W, I]."""
    *outer, channels, height, width = shape
    strides = [1, width * channels, channels]
    step = height * width * channels
    for extent in reversed(outer):
        strides.insert(0, step)
        step *= extent
    return MemoryDesc.strided(shape, dtype, strides)


def attributes(relu: bool = False) -> Handle:
    """Primitive attributes: our own scratchpad. relu: max(0, .) of the result is stored."""
    lib = library()
    result = lib.new("primitive_attr", "dnnl_primitive_attr_create")
    if relu:
        post = lib.new("post_ops", "dnnl_post_ops_create")
        zero = ctypes.c_float(0)
        status = lib.functions.dnnl_post_ops_append_eltwise(post, ELTWISE_RELU, zero, zero)
        lib.check(status, "dnnl_post_ops_append_eltwise")
        status = lib.functions.dnnl_primitive_attr_set_post_ops(result, post)
        lib.check(status, "dnnl_primitive_attr_set_post_ops")
    status = lib.functions.dnnl_primitive_attr_set_scratchpad_mode(result, _SCRATCHPAD_USER)
    lib.check(status, "dnnl_primitive_attr_set_scratchpad_mode")
    return result


class PrimitiveDesc:
    """An operation on given descriptors, with the implementation oneDNN chose for it.

    operation: such as "convolution_forward"; arguments: those of
    `dnnl_<operation>_primitive_desc_create` after the engine.
    """

    def __init__(self, operation: str, *arguments: Any):
        function = f"dnnl_{operation}_primitive_desc_create"
        lib = library()
        if operation == "reorder":  # the only function with an engine for source and target each
            source, target, attribute = arguments
            arguments = (source, lib.engine, target, lib.engine, attribute)
        else:
            arguments = (lib.engine, *arguments)
        self.handle = lib.new("primitive_desc", function, *arguments)
        self._as_parameter_ = self.handle._as_parameter_

    def query(self, what: int) -> MemoryDesc | None:
        """The descriptor of one argument (QUERY_*), None where the operation has none."""
        lib = library()
        found = lib.functions.dnnl_primitive_desc_query_md(self, what, 0)
        if not found:
            return None
        clone = lib.new("memory_desc", "dnnl_memory_desc_clone", ctypes.c_void_p(found))
        result = MemoryDesc(clone)
        return result if result.size else None

    def layout(self, what: int) -> MemoryDesc:
        """`query` of an argument that the operation has. Raises OneDNNError where it has none."""
        found = self.query(what)
        if found is None:
            raise OneDNNError(f"{self.implementation} has no memory descriptor {what}")
        return found

    @property
    def implementation(self) -> str:
        """oneDNN's name of the kernel, such as "brgconv:avx512_core"."""
        name = ctypes.c_char_p()
        library().functions.dnnl_primitive_desc_query(
            self, _QUERY_IMPLEMENTATION, 0, ctypes.byref(name)
        )
        return (name.value or b"").decode()


class Primitive:
    """A primitive with its arguments: `bind` sets their addresses, a call runs it.

    arguments: descriptor of each argument but the scratchpad, whose descriptor is queried.
    """

    def __init__(self, desc: PrimitiveDesc, arguments: Mapping[int, MemoryDesc]):
        lib = library()
        self.implementation = desc.implementation
        self.arguments = dict(arguments)
        scratchpad = desc.query(QUERY_SCRATCHPAD)
        if scratchpad is not None:
            self.arguments[SCRATCHPAD] = scratchpad
        primitive = lib.new("primitive", "dnnl_primitive_create", desc)
        null = ctypes.c_void_p(0)
        self._memories = {
            number: lib.new("memory", "dnnl_memory_create", memory_desc, lib.engine, null)
            for number, memory_desc in self.arguments.items()
        }
        array = (_Argument * len(self._memories))(
            *(_Argument(n, m._as_parameter_.value) for n, m in self._memories.items())
        )
        self._keep = (primitive, array)
        self._call = (primitive._as_parameter_.value, lib.stream._as_parameter_.value)
        self._call += (len(array), ctypes.addressof(array))
        self._execute = lib.functions.dnnl_primitive_execute
        self._set_address = lib.functions.dnnl_memory_set_data_handle

    def bind(self, number: int, address: int) -> None:
        """Set the address of argument `number` from now on."""
        self._set_address(self._memories[number]._as_parameter_, address)

    def __call__(self) -> None:
        status = self._execute(*self._call)
        if status:
            library().check(status, self.implementation)
