"""QONNX files that something has gone wrong with: mutations of small valid networks.

A case ends "refused" (a UserError) or "equal" (lowered, and its goldens equal the file's execution).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tests.networks import QONNX, NetworkSpec, exported, floats, network, pyramid
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower

Rng = np.random.Generator
Mutation = Callable[[onnx.GraphProto, Rng], None]

_NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 0.1, 1e-30, 1e30, 3e38, np.nan, np.inf, -np.inf, 24.0, 25.0, 2.0**-40]
_WHOLE = [0, 1, -1, 2, 3, 4, 5, 7, 9, 255, 1 << 20, 1 << 31, (1 << 63) - 1, -(1 << 63)]
_OPERATORS = [
    "Relu",
    "PRelu",
    "LeakyRelu",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Conv",
    "Pad",
    "Quant",
    "BipolarQuant",
    "Trunc",
    "DepthToSpace",
    "Resize",
    "Upsample",
    "Identity",
    "Sigmoid",
    "Concat",
    "Clip",
    "BatchNormalization",
    "Shape",
    "Reshape",
    "Transpose",
    "Neg",
    "Abs",
    "MaxPool",
    "If",
    "Loop",
    "Split",
    "Nonsense",
    "Constant",
    "Cast",
]
_NAMES = [
    "",
    "lr",
    "sr",
    "../../etc/passwd",
    "a b",
    "ü",
    "x" * 3000,
    "Conv_0",
    "const0",
    "`define X",
    "%s{0}",
    "\n",
    "\0",
]


def _networks(rng: Rng) -> onnx.ModelProto:
    seed = int(rng.integers(8))
    choice = int(rng.integers(6))
    if choice == 0:
        return network(NetworkSpec(scheme="bnn", channels=4, height=4, width=5, seed=seed))
    if choice == 1:
        return pyramid(4, 4, 4, seed)
    if choice == 2:
        return network(NetworkSpec(scale=3, channels=4, height=4, width=5, skip="nearest", pad_value=1, seed=seed))
    if choice == 3:
        return floats(seed)
    if choice == 4:
        return exported(seed)
    return network(NetworkSpec(channels=5, height=5, width=4, seed=seed))


def _pick(items: object, rng: Rng) -> object | None:
    """One of a repeated field; None where it is empty."""
    return items[int(rng.integers(len(items)))] if len(items) else None  # type: ignore[arg-type, index]


def _number(rng: Rng) -> float:
    return float(rng.choice(_NUMBERS)) if rng.random() < 0.8 else float(rng.normal(0, 10.0 ** rng.integers(-4, 5)))


def _whole(rng: Rng) -> int:
    return _WHOLE[int(rng.integers(len(_WHOLE)))]


def _tensor_name(graph: onnx.GraphProto, rng: Rng) -> str:
    names = [o for n in graph.node for o in n.output] + [i.name for i in graph.initializer]
    names += [i.name for i in graph.input]
    return names[int(rng.integers(len(names)))] if names and rng.random() < 0.9 else _name(rng)


def _name(rng: Rng) -> str:
    return _NAMES[int(rng.integers(len(_NAMES)))]


# Mutations of lists


def _drop(graph: onnx.GraphProto, rng: Rng) -> None:
    field = (graph.node, graph.initializer, graph.input, graph.output, graph.value_info)[int(rng.integers(5))]
    if len(field):
        del field[int(rng.integers(len(field)))]


def _duplicate(graph: onnx.GraphProto, rng: Rng) -> None:
    field = (graph.node, graph.initializer, graph.input, graph.output)[int(rng.integers(4))]
    if len(field):
        field.append(field[int(rng.integers(len(field)))])  # type: ignore[arg-type]


def _reorder(graph: onnx.GraphProto, rng: Rng) -> None:
    field = (graph.node, graph.initializer, graph.output)[int(rng.integers(3))]
    kept = [field[int(n)] for n in rng.permutation(len(field))]
    del field[:]
    field.extend(kept)  # type: ignore[arg-type]


# Mutations of nodes


def _rewire(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is not None and len(node.input):
        node.input[int(rng.integers(len(node.input)))] = _tensor_name(graph, rng)


def _self_read(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is not None and len(node.input) and len(node.output):
        node.input[0] = node.output[0]


def _rename(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is None:
        return
    if rng.random() < 0.5:
        node.name = _name(rng)
    elif len(node.output):
        node.output[0] = _tensor_name(graph, rng)


def _rename_everywhere(graph: onnx.GraphProto, rng: Rng) -> None:
    """A valid network under strange names."""
    old, new = _tensor_name(graph, rng), f"{_name(rng)}!{int(rng.integers(99))}"
    for node in graph.node:
        node.input[:] = [new if i == old else i for i in node.input]
        node.output[:] = [new if o == old else o for o in node.output]
    for one in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        one.name = new if one.name == old else one.name


def _operator(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is not None:
        node.op_type = str(rng.choice(_OPERATORS))
        if rng.random() < 0.5:
            del node.attribute[:]


def _domain(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is not None:
        node.domain = str(
            rng.choice(["", "ai.onnx", "finn", "finn.custom_op.general", QONNX, "onnx.brevitas", "evil", "os"])
        )


def _arity(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick(graph.node, rng)
    if node is None:
        return
    field = node.input if rng.random() < 0.6 else node.output
    if len(field) and rng.random() < 0.5:
        del field[int(rng.integers(len(field)))]
    else:
        field.append(_tensor_name(graph, rng))


def _attribute(graph: onnx.GraphProto, rng: Rng) -> None:
    node = _pick([n for n in graph.node if len(n.attribute)], rng)
    if node is None:
        return
    attribute = _pick(node.attribute, rng)
    assert isinstance(attribute, AttributeProto)
    choice = int(rng.integers(6))
    if choice == 0:
        node.attribute.remove(attribute)
    elif choice == 1:
        node.attribute.append(attribute)
    elif choice == 2:
        attribute.type = int(rng.integers(0, 15))
    elif choice == 3 and attribute.type == AttributeProto.INT:
        attribute.i = _whole(rng)
    elif choice == 3 and attribute.type == AttributeProto.INTS:
        attribute.ints[:] = [_whole(rng) for _ in range(int(rng.integers(0, 6)))]
    elif choice == 3:
        attribute.f, attribute.s = _number(rng), rng.bytes(3)
    elif choice == 4:
        attribute.CopyFrom(helper.make_attribute(attribute.name, _number(rng)))
    else:
        attribute.CopyFrom(helper.make_attribute(attribute.name or "x", [_whole(rng)]))


def _quantizer(graph: onnx.GraphProto, rng: Rng) -> None:
    """Other parameters of a quantizer."""
    node = _pick([n for n in graph.node if n.op_type in ("Quant", "BipolarQuant")], rng)
    if node is None or len(node.input) < 2:
        return
    if rng.random() < 0.4:
        for attribute in node.attribute:
            if attribute.name in ("signed", "narrow"):
                attribute.i = int(rng.integers(0, 2))
        return
    value = [2.0 ** int(rng.integers(-40, 20)), float(rng.integers(0, 30)), _number(rng)][int(rng.integers(3))]
    name = f"new{len(graph.initializer)}"
    shape = [(), (1,), (1, 1, 1, 1), (3,), (1, 3, 1, 1), (0,), (2, 1, 1, 1, 1)][int(rng.integers(7))]
    graph.initializer.append(numpy_helper.from_array(np.full(shape, value, np.float32), name))
    node.input[int(rng.integers(1, len(node.input)))] = name


def _insert(graph: onnx.GraphProto, rng: Rng) -> None:
    """A node between a tensor and one of its readers, or all of them."""
    node = _pick(graph.node, rng)
    if node is None or not len(node.input):
        return
    source, new, constant = node.input[0], f"new{len(graph.node)}", f"newc{len(graph.initializer)}"
    value = np.full([(), (1,), (1, 3, 1, 1), (4, 1, 1), (1, 5, 1, 1)][int(rng.integers(5))], 2.0 ** rng.integers(-6, 5))
    if rng.random() < 0.3:
        value = value * _number(rng)
    graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), constant))
    made = [
        helper.make_node("Relu", [source], [new]),
        helper.make_node("Identity", [source], [new]),
        helper.make_node("LeakyRelu", [source], [new], alpha=float(rng.choice([0.5, -0.5, 0.3, 0.0]))),
        helper.make_node("PRelu", [source, constant], [new]),
        helper.make_node(str(rng.choice(["Mul", "Add", "Sub", "Div"])), [source, constant], [new]),
        helper.make_node("Sub", [constant, source], [new]),
        helper.make_node("Add", [source, source], [new]),
        helper.make_node("DepthToSpace", [source], [new], blocksize=1, mode="CRD"),
        helper.make_node(str(rng.choice(_OPERATORS)), [source], [new]),
    ][int(rng.integers(9))]
    graph.node.append(made)
    node.input[0] = new


# Mutations of tensors


def _constant(graph: onnx.GraphProto, rng: Rng) -> None:
    tensor = _pick(graph.initializer, rng)
    if tensor is None:
        return
    assert isinstance(tensor, TensorProto)
    choice = int(rng.integers(8))
    if choice == 0:
        tensor.data_type = int(rng.integers(0, 25))
    elif choice == 1:
        tensor.dims[:] = [_whole(rng) for _ in range(int(rng.integers(0, 6)))]
    elif choice == 2:
        tensor.raw_data = tensor.raw_data[: int(rng.integers(0, len(tensor.raw_data) + 1))]
    elif choice == 3:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../etc/passwd")
    else:
        _value(tensor, choice, rng)


def _value(tensor: onnx.TensorProto, choice: int, rng: Rng) -> None:
    try:
        value = numpy_helper.to_array(tensor).copy()
    except Exception:  # another mutation was here before
        return
    if choice == 4 and value.size:
        value.reshape(-1)[int(rng.integers(value.size))] = np.float64(_number(rng)).astype(value.dtype)
    elif choice == 5:
        value = np.full(value.shape, np.float64(_number(rng)).astype(value.dtype))
    elif choice == 6:
        value = value.T.copy() if rng.random() < 0.5 else value[..., None]
    else:
        value = value.astype([np.float64, np.float16, np.int64, np.float32, np.int8][int(rng.integers(5))])
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


def _values(graph: onnx.GraphProto, rng: Rng) -> None:
    """Other finite values in a float constant."""
    tensor = _pick([i for i in graph.initializer if i.data_type == TensorProto.FLOAT], rng)
    if tensor is None:
        return
    assert isinstance(tensor, TensorProto)
    value = numpy_helper.to_array(tensor).copy()
    scale = 2.0 ** int(rng.integers(-12, 12)) * float(rng.choice([1.0, 1.0, -1.0, 0.0, 1.1]))
    tensor.CopyFrom(numpy_helper.from_array((value * scale).astype(np.float32), tensor.name))


def _port(graph: onnx.GraphProto, rng: Rng) -> None:
    value = _pick([*graph.input, *graph.output], rng)
    if value is None:
        return
    kind = value.type.tensor_type  # type: ignore[attr-defined]
    choice = int(rng.integers(4))
    if choice == 0:
        kind.elem_type = int(rng.integers(0, 20))
    elif choice == 1 and len(kind.shape.dim):
        kind.shape.dim[int(rng.integers(len(kind.shape.dim)))].dim_value = _whole(rng)
    elif choice == 2 and len(kind.shape.dim):
        del kind.shape.dim[int(rng.integers(len(kind.shape.dim)))]
    else:
        value.name = _name(rng)  # type: ignore[attr-defined]


MUTATIONS: list[Mutation] = [
    *(_drop, _duplicate, _reorder, _rewire, _self_read, _rename, _rename_everywhere, _operator, _domain, _arity),
    *(_attribute, _quantizer, _quantizer, _insert, _insert, _constant, _constant, _port),
]
#: Mutations that leave a file well formed, so that what comes behind the checks of the structure is tried too.
GENTLE: list[Mutation] = [_reorder, _rename_everywhere, _quantizer, _insert, _insert, _values]


def _mutated(rng: Rng) -> bytes:
    model = _networks(rng)
    gentle = rng.random() < 0.5
    mutations = GENTLE if gentle else MUTATIONS
    for _ in range(int(rng.integers(1, 4))):
        mutations[int(rng.integers(len(mutations)))](model.graph, rng)
    if gentle:
        return model.SerializeToString()
    if rng.random() < 0.05:
        model.ir_version = _whole(rng)
    if rng.random() < 0.08:
        one = model.opset_import[int(rng.integers(len(model.opset_import)))]
        one.version = int(rng.integers(0, 30)) if rng.random() < 0.8 else _whole(rng)
    data = bytearray(model.SerializeToString())
    if rng.random() < 0.15:
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    if rng.random() < 0.03:
        data = data[: int(rng.integers(len(data)))]
    return bytes(data)


def case(rng: Rng) -> str:
    """One mutated file through the lowering, and through its goldens where it is accepted."""
    data = _mutated(rng)
    bits = int(rng.integers(2, 17)) if rng.random() < 0.4 else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.onnx"
        path.write_bytes(data)
        try:
            prove(lower(path, bits))
        except UserError as error:
            text = str(error)
            assert text.endswith((".", "…")) and len(text) < 4000, f"a message that is no sentence: {text}"
            return "not executable" if "qonnx cannot execute" in text else "refused"
    return "equal"
