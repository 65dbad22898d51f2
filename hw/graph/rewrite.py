"""What an operator's folder says to the lowering: rewrites, conversions and passes. Names no operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnx
from onnx import helper

if TYPE_CHECKING:
    from .context import Context
    from .convert import ConversionOptions
    from .index import Graph


class Rewrite(ABC):
    """QONNX nodes -> hardware operators.

    The lowering walks the graph in topological order and gives each node to the first rewrite that matches; a rewrite
    may take following nodes along. A node that no rewrite takes is refused.

    Attributes:
        name: unique.
        takes: ONNX operator types that it takes, those that it takes along included. The union over all rewrites is the
            one list of supported operators.
        before: names of rewrites that it has to be tried before, where both may match a node.
    """

    name: ClassVar[str]
    takes: ClassVar[tuple[str, ...]]
    before: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def matches(self, context: Context, node: onnx.NodeProto) -> bool:
        """Whether it takes this node, whose inputs are streams with known types or constants."""

    @abstractmethod
    def apply(self, context: Context, node: onnx.NodeProto) -> None:
        """Append the operators that stand for the node and for those that it takes along (`Context.add`).

        Raises:
            UserError: what cannot be built exactly, with the node's name, what is supported and what to do.
        """


class Conversion(ABC):
    """A rewrite of the QONNX graph itself, before the reference is fixed: it may change values and says so."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, model: Graph, options: ConversionOptions) -> list[str]:
        """Change the model in place, through its own methods; it is tidied up afterwards.

        Returns:
            In words, each change that may change a value.

        Raises:
            UserError: a conversion is needed and not allowed.
        """


@dataclass
class Scales:
    """Scales on their way through a graph (`scales.move_scales`).

    Attributes:
        weights: scale of each constant that a Quant made, by name; broadcasts to the constant.
        waiting: for each tensor of the file whose scale waits: (tensor that holds its codes, the scale: one value, or
            one per channel as (1, C, 1, 1)).
        integers: names of nodes that work on codes now.
        exact: float constants stay what they are (no --affine-bits).
        grids: names of the Quants that round to a common grid.
        moved: names of nodes whose results are codes of their first input, in other places.
    """

    model: Graph
    weights: dict[str, np.ndarray]
    exact: bool = True
    grids: set[str] = field(default_factory=set)
    waiting: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    integers: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)

    def read_codes(self, node: onnx.NodeProto) -> None:
        """Let a node read the codes of all its inputs whose scales wait."""
        names = [self.waiting[i][0] if i in self.waiting else i for i in node.input]
        self.model.redirect(node, names)

    def read_values(self, node: onnx.NodeProto) -> None:
        """Multiply the scales that wait in front of a node that needs values; each reader has its own product."""
        names = [self.values(i) if i in self.waiting else i for i in node.input]
        self.model.redirect(node, names)

    def values(self, tensor: str) -> str:
        """The tensor that holds the values of one whose scale waits: a new Mul makes it."""
        codes, scale = self.waiting[tensor]
        if np.all(scale == 1):
            return codes
        made, name = self.model.fresh(f"{tensor}_values"), self.model.fresh(f"{tensor}_scale")
        self.model.set_initializer(name, scale)
        self.model.insert(helper.make_node("Mul", [codes, name], [made], name=self.model.fresh(f"{tensor}_rescale")))
        return made

    def wait_behind(self, node: onnx.NodeProto, scale: np.ndarray, moved: bool = False) -> None:
        """A node reads codes and gives codes: this scale waits behind it.

        Args:
            moved: they are codes of its first input, in other places.
        """
        target = node.output[0]
        if moved:
            self.moved.add(node.name)
        codes = self.model.fresh(f"{target}_codes")
        self.read_codes(node)
        self.model.rename_output(node, codes)
        self.wait(target, codes, scale)

    def wait(self, tensor: str, codes: str, scale: np.ndarray) -> None:
        """Let a scale wait behind the codes of a tensor."""
        scale = np.asarray(scale, np.float32)
        self.waiting[tensor] = codes, scale.reshape(()) if scale.size == 1 else scale


class ScaleRule(ABC):
    """How scales that are no powers of two move behind an operator, so that it works on integer codes.

    Attributes:
        takes: ONNX operator types.
    """

    takes: ClassVar[tuple[str, ...]]

    def prepare(self, model: Graph, exact: bool) -> None:
        """Change the model in place before any scale moves, without changing a value; it is tidied up afterwards.

        Args:
            exact: float constants stay what they are.
        """
        return

    @abstractmethod
    def move(self, model: Graph, node: onnx.NodeProto, scales: Scales) -> list[str]:
        """Move the scales of a node's inputs and constants behind it (`Scales.wait_behind`), or leave it alone.

        Returns:
            In words, each change that may change a value, beside that the node computes on codes.

        Raises:
            UserError: they cannot move, with the node's name and what to do.
        """


class Pass(ABC):
    """A rewrite of the lowered operators that changes no value."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, context: Context, outputs: frozenset[str]) -> None:
        """Change `context.nodes` in place; `outputs` are the network's output tensors, which keep their names."""
