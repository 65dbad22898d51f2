"""Files that are not well formed: each is refused before anything works on it, with a text that says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tests.networks import Builder, NetworkSpec, network
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower


def _first(graph: onnx.GraphProto, operator: str) -> onnx.NodeProto:
    return next(n for n in graph.node if n.op_type == operator)


def _self_read(model: onnx.ModelProto) -> None:
    node = _first(model.graph, "Conv")
    node.input[0] = node.output[0]


def _cycle(model: onnx.ModelProto) -> None:
    first, last = _first(model.graph, "Conv"), model.graph.node[-1]
    first.input[0] = last.output[0]


def _two_makers(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["lr"], [_first(model.graph, "Conv").output[0]], name="second"))


def _unknown(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").input[0] = "nowhere"


def _twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _strides_0(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").attribute.append(helper.make_attribute("strides", [0, 0]))


def _signed_float(model: onnx.ModelProto) -> None:
    next(a for a in _first(model.graph, "Quant").attribute if a.name == "signed").CopyFrom(
        helper.make_attribute("signed", 1.0)
    )


def _signed_2(model: onnx.ModelProto) -> None:
    next(a for a in _first(model.graph, "Quant").attribute if a.name == "signed").i = 2


def _no_narrow(model: onnx.ModelProto) -> None:
    node = _first(model.graph, "Quant")
    node.attribute.remove(next(a for a in node.attribute if a.name == "narrow"))


def _no_type(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").attribute[0].type = AttributeProto.UNDEFINED


def _nan(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[3]
    tensor.CopyFrom(
        numpy_helper.from_array(np.full(numpy_helper.to_array(tensor).shape, np.nan, np.float32), tensor.name)
    )


def _short(model: onnx.ModelProto) -> None:
    model.graph.initializer[3].raw_data = model.graph.initializer[3].raw_data[:-4]


def _external(model: onnx.ModelProto) -> None:
    model.graph.initializer[3].data_location = TensorProto.EXTERNAL
    model.graph.initializer[3].external_data.add(key="location", value="/etc/passwd")


def _half(model: onnx.ModelProto) -> None:
    name = _first(model.graph, "Mul").input[1]
    node = next(n for n in model.graph.node if name in n.output)
    tensor = next(i for i in model.graph.initializer if i.name == node.input[0])
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 7


def _domain(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").domain = "com.example"


def _huge(model: onnx.ModelProto) -> None:
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 100_000


def _inputs(model: onnx.ModelProto) -> None:
    del _first(model.graph, "Quant").input[2:]


def _two_opsets(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid(model.opset_import[1].domain, 1))


def _functions(model: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("own", "mine", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], opsets)
    )


def _sparse(model: onnx.ModelProto) -> None:
    values, indices = numpy_helper.from_array(np.ones(1, np.float32), "s"), numpy_helper.from_array(np.zeros(1, int))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))


def _no_operator(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").op_type = ""


def _no_result(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").input[1] = ""


def _unknown_attribute(model: onnx.ModelProto) -> None:
    _first(model.graph, "Conv").attribute.append(helper.make_attribute("colour", 1))


def _nameless_constant(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32)))


def _sequence(model: onnx.ModelProto) -> None:
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
    model.graph.output.append(helper.make_value_info("many", kind))


def _attribute_that_is_no_text(model: onnx.ModelProto) -> None:
    node = _first(model.graph, "Conv")
    attribute = helper.make_attribute("auto_pad", "NOTSET")
    attribute.s = b"\xff"
    node.attribute.append(attribute)


def _made_by_nothing(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("nowhere", TensorProto.FLOAT, [1, 3, 6, 7]))


CASES: list[tuple[Callable[[onnx.ModelProto], None], str]] = [
    (_self_read, r"the model: Conv 'Conv_0': it waits for its own result; allowed are networks without cycles"),
    (_cycle, r"it waits for its own result"),
    (_two_makers, r"Relu 'second': it makes 'Conv_0_out', as does Conv 'Conv_0'; allowed is one maker for each tensor"),
    (_unknown, r"Conv 'Conv_0': it reads 'nowhere', which nothing makes"),
    (_twice, r"constant 'const0' is given twice; allowed is one value"),
    (_strides_0, r"Conv 'Conv_0': attribute 'strides' is \[0, 0\]; allowed are whole numbers from 1 to 65536"),
    (_signed_float, r"Quant 'Quant_0': attribute 'signed' has the type FLOAT; allowed is INT"),
    (_signed_2, r"Quant 'Quant_0': attribute 'signed' is \[2\]; allowed are whole numbers from 0 to 1"),
    (_no_narrow, r"Quant 'Quant_0': its attribute 'narrow' is missing"),
    (_no_type, r"Conv 'Conv_0': attribute 'kernel_shape' has the type UNDEFINED; allowed is INTS"),
    (_nan, r"constant 'const3': it holds NaN or infinity; allowed are finite numbers"),
    (_short, r"constant 'const3': its data do not have the size of its shape"),
    (_external, r"constant 'const3': its data stand in another file"),
    (_half, r"Quant 'Quant_\d+': its constant '\w+' has elements of type float16; allowed is float32"),
    (_opset, r"its ONNX opset is 7; allowed is one of 9 to 22"),
    (_domain, r"Conv 'Conv_0': its domain is 'com\.example'; allowed are ONNX's own operators"),
    (_huge, r"input 'lr' has the shape .*; allowed are 134,217,728 elements.*--frame WxH"),
    (_inputs, r"Quant 'Quant_0': it has 2 inputs; allowed are 4 to 4"),
    (_two_opsets, r"imports a domain's opset twice \(.*qonnx.*\)\. Export it again"),
    (_functions, r"local functions \(mine\), which are not supported\. Inline them with onnx\.inliner"),
    (_sparse, r"it holds sparse constants, which are not supported\. Store them dense"),
    (_no_operator, r"'Conv_0': it has no operator\. Export the file again"),
    (_no_result, r"Conv 'Conv_0': an input or output that it must have has no name\. Export"),
    (_unknown_attribute, r"Conv 'Conv_0': attribute 'colour' is unknown; allowed are .*kernel_shape.* Export with"),
    (_nameless_constant, r"a constant has no name\. Export the file again"),
    (_sequence, r"output 'many' is no tensor; allowed are float tensors of images"),
    (_attribute_that_is_no_text, r"Conv 'Conv_0': attribute 'auto_pad' is no UTF-8 text\. Export"),
    (_made_by_nothing, r"output 'nowhere': nothing makes it\. Export the file again"),
]


@pytest.mark.parametrize(("spoil", "message"), CASES, ids=[s.__name__.strip("_") for s, _ in CASES])
def test_refused(spoil: Callable[[onnx.ModelProto], None], message: str) -> None:
    model = network(NetworkSpec())
    spoil(model)
    with pytest.raises(UserError, match=message):
        lower(model)


def test_name_that_is_no_text() -> None:
    data = network(NetworkSpec()).SerializeToString().replace(b"Conv_0_out", b"Conv_\xff_out")
    with pytest.raises(UserError, match=r"a name in it is not UTF-8 text"):
        lower(onnx.ModelProto.FromString(data))


def test_any_order_of_nodes_will_do() -> None:
    model = network(NetworkSpec())
    shuffled = [model.graph.node[n] for n in np.random.default_rng(1).permutation(len(model.graph.node))]
    del model.graph.node[:]
    model.graph.node.extend(shuffled)
    assert prove(lower(model)) > 0


@pytest.mark.slow
def test_time_grows_with_the_length_of_the_network_and_no_faster() -> None:
    """600 quantizers in a row: with look-ups that walk over all nodes 50 took 5 seconds, 200 took 27."""
    b = Builder(4, 4, 3, 0)
    x = b.quant("lr", 8, 8, signed=False)
    for n in range(600):
        x = b.quant(x, 8, 6 - n % 2)
    model = b.model(b.quant(x, 8, 8, signed=False), 3, 4, 4)
    start = time.process_time()
    assert len(lower(model).network.nodes) == 601
    assert time.process_time() - start < 10
