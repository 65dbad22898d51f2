"""What an operator's folder says to the lowering: rewrites, conversions and passes. Names no operator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import onnx

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


class Pass(ABC):
    """A rewrite of the lowered operators that changes no value."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, context: Context, outputs: frozenset[str]) -> None:
        """Change `context.nodes` in place; `outputs` are the network's output tensors, which keep their names."""
