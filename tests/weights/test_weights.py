"""Weights from files of strangers: the same values whatever the format, and nothing is run."""

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from paddle_aug.core import plain_pickle, safe_files
from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import FORMAT, CheckpointFolder, save_state, with_prefix
from paddle_aug.weights.pdparams import read_pdparams
from paddle_aug.weights.read import find_weights, load_weights

ARRAYS = {
    "conv.weight": np.arange(30, dtype=np.float32).reshape(5, 3, 2) / 7,
    "bn._mean": np.array([0.5, -2.0], np.float64),
    "steps": np.array(11, np.int64),
    "flags": np.array([True, False, True]),
}


def assert_equal(weights, expected):
    assert weights.keys() == expected.keys()
    for name, array in expected.items():
        assert weights[name].dtype == array.dtype
        assert weights[name].shape == array.shape
        np.testing.assert_array_equal(weights[name], array)


def write(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.fixture(scope="module")
def layer():
    with paddle.utils.unique_name.guard():
        return paddle.nn.Sequential(paddle.nn.Linear(3, 5), paddle.nn.BatchNorm1D(5))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saves_comes_back_bit_for_bit(tmp_path, layer, protocol):
    paddle.save(layer.state_dict(), str(tmp_path / "a.pdparams"), protocol=protocol)
    expected = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    assert_equal(load_weights(tmp_path / "a.pdparams"), expected)


def test_a_dictionary_of_weights_inside_is_found(tmp_path, layer):
    paddle.save({"state_dict": layer.state_dict(), "epoch": 3}, str(tmp_path / "a.pdparams"))
    weights = load_weights(tmp_path / "a.pdparams")
    np.testing.assert_array_equal(weights["0.weight"], layer[0].weight.numpy())
    both = {"a": {"w": ARRAYS["steps"]}, "b": {"w": ARRAYS["steps"]}}
    with pytest.raises(UserError, match="dictionaries of arrays inside: a, b"):
        load_weights(write(tmp_path / "b.pdparams", both))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_pickled_arrays_keep_their_type_order_and_shape(tmp_path, protocol, kind):
    content = kind(ARRAYS) | {
        "fortran": np.asfortranarray(ARRAYS["conv.weight"]),
        "big endian": np.array([1, 258], ">i4"),
        "scalar": np.float32(0.1),
    }
    weights = load_weights(write(tmp_path / "a.pdparams", content, protocol))
    expected = dict(content) | {"big endian": np.array([1, 258], np.int32)}
    assert_equal(weights, {name: np.asarray(array) for name, array in expected.items()})
    assert all(a.flags.writeable and a.flags.c_contiguous for a in weights.values())


def test_bfloat16_becomes_the_equal_float32_from_both_formats(tmp_path):
    values = paddle.to_tensor([1.5, -3.25, 0.0078125]).astype("bfloat16")
    paddle.save({"w": values}, str(tmp_path / "a.pdparams"))
    from safetensors.paddle import save_file as save_tensors

    save_tensors({"w": values, "b": paddle.ones([2])}, str(tmp_path / "a.safetensors"))
    for name in ("a.pdparams", "a.safetensors"):
        weights = load_weights(tmp_path / name)["w"]
        assert weights.dtype == np.float32
        assert weights.tolist() == [1.5, -3.25, 0.0078125]


def test_safetensors_our_states_and_run_folders_are_read(tmp_path):
    save_file(ARRAYS, tmp_path / "a.safetensors")
    assert_equal(load_weights(tmp_path / "a.safetensors"), ARRAYS)
    state = with_prefix("model", ARRAYS) | {"optimizer/m": np.ones(3)}
    save_state(tmp_path / "state.safetensors", state, {})
    assert_equal(load_weights(tmp_path / "state.safetensors"), ARRAYS)
    CheckpointFolder(tmp_path / "run" / "checkpoints").save_best(state, {})
    assert_equal(load_weights(tmp_path / "run"), ARRAYS)


def test_the_suffix_may_be_left_out_as_in_paddleclas(tmp_path):
    write(tmp_path / "ResNet50_vd.pdparams", ARRAYS)
    assert_equal(load_weights(str(tmp_path / "ResNet50_vd")), ARRAYS)


class Trap:
    """Pickles to a call of `function` with the arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Stateful:
    """Pickles to an admitted function, then to a state that pickle would set by force."""

    def __reduce__(self):
        return OrderedDict, (), {"__class__": "x"}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("place", ["top", "key", "inside an array"])
def test_a_file_that_would_run_code_is_refused_and_nothing_runs(tmp_path, protocol, place):
    trap = Trap(Path.touch, tmp_path / "ran")
    content = {
        "top": trap,
        "key": {"w": ARRAYS["steps"], "x": trap},
        "inside an array": {"w": np.array([trap, None], object)},
    }[place]
    path = write(tmp_path / "a.pdparams", content, protocol)
    with pytest.raises(UserError, match=r"refused: |array type '.*' is not read"):
        load_weights(path)
    assert not (tmp_path / "ran").exists()
    pickle.loads(path.read_bytes())  # the trap is a real one
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "function", [os.system, eval, exec, getattr, __import__, np.load, open, bytearray, np.fromfile]
)
def test_functions_of_any_module_are_named_in_the_refusal(tmp_path, function):
    path = write(tmp_path / "a.pdparams", {"w": Trap(function, "x")})
    with pytest.raises(UserError, match=rf"it would run \w+\.{function.__name__}"):
        read_pdparams(path)


def test_states_are_set_on_arrays_alone(tmp_path):
    with pytest.raises(UserError, match="state of what is no array"):
        read_pdparams(write(tmp_path / "a.pdparams", {"w": Stateful()}))


def array_call(shape=(2,), kind="f4", data=b"\0" * 8, order="<"):
    """The instructions that numpy writes for an array, with any arguments."""

    class Raw:
        def __reduce__(self):
            make = np.zeros(1).__reduce__()[0]
            return make, (np.ndarray, (0,), b"b"), (1, shape, Kind(), False, data)

    class Kind:
        def __reduce__(self):
            return np.dtype, (kind, False, True), (3, order, None, None, None, -1, -1, 0)

    return {"w": Raw()}


def test_hand_made_instructions_give_an_array(tmp_path):
    path = write(tmp_path / "a.pdparams", array_call())
    assert_equal(read_pdparams(path), {"w": np.zeros(2, np.float32)})


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (10**12,)}, {"shape": (-1,)}, {"shape": (2.0,)}, {"shape": [2]},
        {"shape": (2**63, 2**63)}, {"shape": (1,) * 40}, {"kind": "O"}, {"kind": "V8"},
        {"kind": "f4,f4"}, {"kind": "S8"}, {"data": [1, 2]}, {"data": b""}, {"order": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_arrays_that_lie_about_themselves_are_refused(tmp_path, wrong):
    path = write(tmp_path / "a.pdparams", array_call(**wrong))
    with pytest.raises(UserError, match=r"a\.pdparams: (an )?array|claims"):
        read_pdparams(path)


def test_lengths_and_places_that_a_file_claims_cost_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_pickle, "MAX_INSTRUCTIONS", 1000)
    path = tmp_path / "a.pdparams"
    claims = {
        "bytes": b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"x.",
        "memo": b"\x80\x04}r\xff\xff\xff\xff.",
        "nested": b"\x80\x04)" + b"q\0h\0h\0\x86" * 60 + b"q\0}h\0Ns.",
        "marks": b"\x80\x04" + b"(" * 100_000 + b".",
        "instructions": b"\x80\x04" + b"N" * 1001 + b".",
    }
    for content in claims.values():
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a\.pdparams"):
            read_pdparams(path)


def latin1(text, times):
    """A list of the bytes of one text, which protocol 2 has as text, asked for many times."""
    ask = b"h\1h\0X\6\0\0\0latin1\x86Ra"
    return (b"\x80\2X" + len(text).to_bytes(4, "little") + text + b"q\0c_codecs\nencode\nq\1"
            b"}X\1\0\0\0w]" + ask * times + b"s.")  # fmt: skip


def test_a_text_does_not_become_bytes_again_and_again(tmp_path):
    path = tmp_path / "a.pdparams"
    path.write_bytes(latin1(b"x" * 50_000, 4000))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"its texts would become more bytes than the file has"):
        read_pdparams(path)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000  # of 200 MB
    tracemalloc.stop()
    path.write_bytes(latin1(b"x" * 50, 1))
    with pytest.raises(UserError, match="no arrays"):
        read_pdparams(path)
    data = "\0" * 8000
    shared = {f"w{i}": array_call((2000,), data=data)["w"] for i in range(50)}
    with pytest.raises(UserError, match="its texts would become more bytes than the file has"):
        read_pdparams(write(path, shared))


def test_small_numbers_whose_text_protocol_2_stores_once_are_read(tmp_path):
    """Python keeps one text for each of the first 256 characters."""
    content = {f"w{number}": np.uint8(number % 3) for number in range(1000)}
    found = read_pdparams(write(tmp_path / "a.pdparams", content, 2))
    assert [int(found[f"w{number}"]) for number in range(6)] == [0, 1, 2, 0, 1, 2]
    assert len(found) == 1000


NESTED = b")" + b"\x85" * 100_000  # tuples in tuples
DOUBLED = b")" + b"q\0h\0\x86" * 60  # of 2 ** 60 empty ones


@pytest.mark.parametrize("tuples", [NESTED, DOUBLED], ids=["nested", "doubled"])
@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [(b"cnumpy\ndtype\n", b"\x85R.", "an array's type is damaged"),
     (b"", b"\x8c\1x\x93.", "a function's name is damaged"),
     (b"\x8c\1x", b"\x93.", "a function's name is damaged"),
     (b"c_codecs\nencode\n", b"\x8c\6latin1\x86R.", "a text that stands for bytes is damaged"),
     (b"cnumpy.core.multiarray\nscalar\n", b"N\x86R.", "a number's type is damaged"),
     (b"", b".", "holds tuple, not a dictionary")],
)  # fmt: skip
def test_tuples_without_end_are_never_shown(tmp_path, tuples, before, after, reason):
    path = tmp_path / "a.pdparams"
    path.write_bytes(b"\x80\4" + before + tuples + after)
    with pytest.raises(UserError, match=reason):
        read_pdparams(path)


def test_calls_copy_no_long_arguments(tmp_path):
    path = tmp_path / "a.pdparams"
    calls = b"ccollections\nOrderedDict\nq\1(" + b"N" * 1000 + b"tq\0" + b"h\1h\0R" * 100
    path.write_bytes(b"\x80\4" + calls + b".")
    with pytest.raises(UserError, match="collections OrderedDict has the wrong arguments"):
        read_pdparams(path)


def test_a_plain_pickle_holds_what_its_description_says(tmp_path):
    content = {"a": np.arange(3), "b": b"x", "c": (1, None), "d": {"e": [True, 0.5]}, "f": "猫"}
    data = pickle.dumps(content, 4)
    found = plain_pickle.read_plain_pickle(io.BytesIO(data), len(data), "x")
    assert found.pop("a").tolist() == content.pop("a").tolist()
    assert found == content


def test_arrays_that_share_their_bytes_cannot_multiply_them(tmp_path):
    data = b"\0" * 8000
    calls = {f"w{i}": array_call(shape=(2000,), data=data)["w"] for i in range(100)}
    path = write(tmp_path / "a.pdparams", calls)
    assert path.stat().st_size < 40_000
    with pytest.raises(UserError, match="its arrays together are larger than the file"):
        read_pdparams(path)


def test_one_array_under_many_names_is_read_once(tmp_path):
    array = np.arange(1000, dtype=np.float32)
    path = write(tmp_path / "a.pdparams", {f"w{i}": array for i in range(50)})
    read = read_pdparams(path)
    assert len(read) == 50 and len({id(found) for found in read.values()}) == 1
    np.testing.assert_array_equal(read["w7"], array)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(NNNt"
TYPE = b"cnumpy\ndtype\n(X\x02\0\0\0f4t"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a .pdparams file, or a damaged one$"),
        (b"h\x0b174812789", "not a .pdparams file, or a damaged one$"),
        (b"just some text", "not a .pdparams file, or a damaged one$"),
        (b"}X\x01\0\0\0wcnumpy\nndarray\n)Rs.", "unusual way"),
        (b"}X\x01\0\0\0w" + ARRAY + b"Rs.", "an array has no content"),
        (b"}X\x01\0\0\0w" + ARRAY + b"RNbs.", "an array's state is damaged"),
        (b"}X\x01\0\0\0w" + ARRAY + b"R(K\1K\2NNNtbs.", "shape or type is damaged"),
        (b"}X\x01\0\0\0w" + TYPE + b"RNbs.", "an array's type is damaged"),
        (b"cnumpy.core.multiarray\nscalar\n(NNtR.", "a number's type is damaged"),
        (b"c_codecs\nencode\n(X\x01\0\0\0aX\x05\0\0\0utf-8tR.", "stands for bytes is damaged"),
        (b"ccollections\nOrderedDict\n(NtR.", "a dictionary is damaged"),
        (b"cbuiltins\ntuple\n(]tR.", "a tuple is damaged"),
        (b"cbuiltins\ntuple\n)R.", "has the wrong arguments"),
        (b"cbuiltins\ntuple\nNR.", "a call has no arguments"),
        (b"]NR.", "what is no admitted function"),
        (b"}Na.", "a list is damaged"),
        (b"]NNs.", "a dictionary is damaged"),
        (b"})Ns.", "other keys than text"),
        (b"R.", "a value is missing"),
        (b"K\1.", "holds int, not a dictionary"),
        (b"}X\x15\0\0\0UnpackBigParamInfor@@}s.", "split arrays"),
        (b"\x80\x04N.", "holds NoneType"),
        (b"\x80\x04}.", "no arrays"),
        (b"PK\x03\x04 a torch file", "refused: instruction|not a .pdparams"),
        (b"\x80\x04}\x8c\x01aN", "not a .pdparams|ends too early"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "a.pdparams"
    path.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        load_weights(path)


@pytest.mark.parametrize("name", ["nothing.pdparams", "a.txt", "folder", "a.safetensors"])
def test_what_is_no_file_of_weights_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.safetensors").write_bytes(b"x" * 20)
    with pytest.raises(UserError, match=name):
        load_weights(tmp_path / name)


ACCEPTED = r"weights are a \.pdparams, \.safetensors or \.npz file, a run's folder, or: pretrained"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there.csv", f"there.csv: {ACCEPTED}$"),
        ("nothing.csv", f"nothing.csv: no such file; {ACCEPTED}$"),
        ("logs/flip", f"logs/flip: no such file; {ACCEPTED}$"),
        ("Pretrained", f"Pretrained: no such file; {ACCEPTED}; did you mean pretrained\\?$"),
        ("pre-trained", f"no such file; {ACCEPTED}; did you mean pretrained\\?$"),
        ("nothing.npz", "nothing.npz: no such file$"),
        ("folder", "folder: a folder, but not a run with a checkpoints/best.safetensors$"),
        ("folder.npz", "folder.npz: a folder, but"),
    ],
)
def test_what_weights_may_be_is_said_without_reading_anything(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "there.csv").write_text("x", encoding="utf-8")
    for ask in (find_weights, load_weights):
        with pytest.raises(UserError, match=message):
            ask(tmp_path / name)


def npz(tmp_path, **arrays):
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    return tmp_path / "a.npz"


def test_weights_are_read_from_npz(tmp_path):
    assert_equal(load_weights(npz(tmp_path, **ARRAYS)), ARRAYS)
    with pytest.raises(UserError, match=r"a\.npz: holds no weights"):
        load_weights(npz(tmp_path))


def test_an_npz_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_files, "RATIO_FREE_BYTES", 1 << 16)
    path = npz(tmp_path, w=np.zeros(1_000_000))
    with pytest.raises(UserError, match=r"a\.npz: would take 8,000,\d+ bytes, more than 100 times"):
        load_weights(path)
    load_weights(npz(tmp_path, w=np.zeros(1000)))


def test_an_npz_with_other_things_in_it_is_refused_without_advice_to_trust_it(tmp_path):
    path = npz(tmp_path, w=np.arange(5000.0))
    whole = path.read_bytes()
    encrypted = bytearray(whole)
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    np.savez(path, w=np.arange(5.0))
    plain = path.read_bytes()
    np.save(tmp_path / "array.npy", np.arange(3.0))
    for content in (
        npz(tmp_path, w=np.array([Trap(Path.touch, tmp_path / "ran")], object)).read_bytes(),
        pickle.dumps(Trap(Path.touch, tmp_path / "ran")),
        (tmp_path / "array.npy").read_bytes(),
        b"", b"junk", b"PK\x03\x04 not a zip",
        whole[: len(whole) // 2],
        whole[:200] + b"\xff" * 50 + whole[250:],  # inside of the compressed numbers
        bytes(encrypted),
        plain.replace(b"{'descr'", b"{'des\0r'"),  # where numpy raises a TokenError
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            load_weights(path)
        reason = "not an .npz of plain arrays: damaged, or of another kind"
        assert str(caught.value) == f"{path}: {reason}"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("array", "kind"),
    [(np.array(["2020-01-02"], "M8[D]"), r"datetime64\[D\]"), (np.array(["a"]), "<U1"),
     (np.array([1 + 2j]), "complex128"), (np.array([b"a"]), r"\|S1")],
)  # fmt: skip
def test_an_array_of_anything_but_real_numbers_is_refused_by_name(tmp_path, array, kind):
    message = rf"a\.npz: x is {kind}, no array of real numbers: leave it out$"
    with pytest.raises(UserError, match=message):
        load_weights(npz(tmp_path, w=np.zeros(2), x=array))


def test_complex_arrays_of_a_pickle_are_refused(tmp_path):
    path = write(tmp_path / "a.pdparams", {"w": np.array([1 + 2j])})
    with pytest.raises(UserError, match="w is complex128, no array of real numbers"):
        load_weights(path)


def test_a_file_among_the_arrays_of_an_npz_is_refused_by_name(tmp_path):
    path = npz(tmp_path, w=np.zeros(2))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match=r"a\.npz: readme\.txt is bytes, no array of real numbers"):
        load_weights(path)


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "F8_E8M0"])
def test_safetensors_of_numbers_of_eight_bits_are_refused(tmp_path, kind, ours):
    header = {"w": {"dtype": kind, "shape": [4], "data_offsets": [0, 4]}}
    header |= {"__metadata__": {"format": FORMAT}} if ours else {}
    text = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    what = "checkpoint" if ours else ".safetensors"
    with pytest.raises(UserError, match=rf"a\.safetensors: not a readable {what}"):
        load_weights(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_gives_arrays(tmp_path, data):
    content = bytearray(pickle.dumps(ARRAYS, data.draw(st.sampled_from([2, 4]))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.pdparams"
    path.write_bytes(content)
    try:
        assert all(isinstance(array, np.ndarray) for array in load_weights(path).values())
    except UserError as error:
        assert "a.pdparams" in str(error)
