"""What every hardware operator says of itself: the contract between an operator's folder and everything else.

An operator is a frozen dataclass derived from `Op`, in a folder of its own together with its rewrite from QONNX, its
HLS header and its SystemVerilog module. Schedule, FIFO depths, account, emitters, simulation, diagram and report ask
these methods and never which class it is. There are no defaults that could be silently wrong: `hw.ops.register` refuses
a class that leaves a method out, and names it.

All arithmetic is exact except for `Requant`. Weights and parameters are integer codes, arrays are NumPy int64. Streams
carry whole pixels (`hw.types.StreamType`); an operator has any number of inputs and outputs, each with a frame, and so
a rate, of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from ..types import StreamType
from .work import NO_PARAMETERS as NO_PARAMETERS
from .work import NO_WORK as NO_WORK
from .work import Parameters as Parameters
from .work import Work as Work

if TYPE_CHECKING:
    from ..hls.kernel import Kernel
    from ..resources.arrival import Passage, Times
    from ..resources.cost import Coefficient, Cost
    from ..rtl.module import LayerModule

#: Which hardware is asked about: the C++ kernels or the SystemVerilog modules.
Side: TypeAlias = Literal["hls", "rtl"]
#: What sort of hardware a box of the diagram shows.
Sort: TypeAlias = Literal["binary", "fixed", "affine", "residual", "reshape", "fork"]
Rng: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class Timing:
    """How one operator behaves in time, at its folding. Beats are those of its fastest input.

    Attributes:
        interval: cycles between two beats that it takes, at least.
        latency: cycles from taking the last beat that an output needs to that output.
        window: beats that it must take beyond those of an output's own place before it gives that output: what its
            windows look ahead, a whole frame for a sum over the frame. FIFOs beside it must hold them. Less than 0
            where the output is there before the beats of its own place are: the frame before made it.
        spare: beats that it may hold besides, in buffers that fill only when the output waits.
        window_register: cycles that a beat spends in a register between window and engine.
        when_stopped: beats that it surely holds when its output waits, so that a FIFO in front of it may be so much
            smaller than one behind it; None: nothing is sure, a FIFO of a skip has to stand behind it.
        busy: cycles that it is occupied with one frame; the slowest layer sets the frame interval.
    """

    interval: int
    latency: int
    window: float
    spare: float
    window_register: int
    when_stopped: float | None
    busy: int


@dataclass(frozen=True)
class Fold:
    """How much of a pixel a layer works on in one cycle.

    Attributes:
        pe: output channels per cycle.
        simd: inputs of each of them per cycle; 1 where that does not apply.
    """

    pe: int
    simd: int


@dataclass(frozen=True)
class FoldSpace:
    """The foldings that a layer may have.

    Attributes:
        now: the folding that it has.
        pe, simd: legal values, ascending; the last ones work on everything in one cycle.
        of: what PE and SIMD divide, as text for messages, for example ("O", "K*K*C").
        unroll_on_request: everything in one cycle only where that is asked for, or in SystemVerilog alone
            (`hw.resources.unrolling`), not because it costs least.
    """

    now: Fold
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    of: tuple[str, str]
    unroll_on_request: bool


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """Base of all operators.

    Attributes:
        op_type: name of the operator, unique.
        summary: what it does, one line of the operators' table.
        hardware: what it becomes, for the same table.
        coefficients: numbers of its cost formula, by name, with their sources.
        logic_levels: look-up tables that may stand between two registers of its SystemVerilog module, beside one carry
            chain: what its number of pipeline stages follows from. See `hw.resources.clock`.
        dsp_width: bits of the wide factor of a DSP slice of the device; the narrow one has 18.
    """

    op_type: ClassVar[str]
    summary: ClassVar[str]
    hardware: ClassVar[str]
    coefficients: ClassVar[dict[str, Coefficient]]
    inputs: tuple[StreamType, ...]
    logic_levels: int = field(default=4, kw_only=True)
    dsp_width: int = field(default=25, kw_only=True)

    # Streams

    @property
    @abstractmethod
    def outputs(self) -> tuple[StreamType, ...]:
        """Types of the output streams."""

    @property
    def input(self) -> StreamType:
        """The fastest input's type; the first one's where several are as fast."""
        return max(self.inputs, key=lambda kind: kind.pixels)

    @property
    def pixels_per_beat(self) -> int:
        """Pixels that a beat of the outputs carries in RTL. More than one only behind an operator that widens its
        output.
        """
        return 1

    def with_pixels_per_beat(self, count: int) -> Self | None:
        """The operator sending so many pixels per beat; None where it cannot send more than one."""
        return self if count == 1 else None

    def legal_pixels_per_beat(self) -> list[int]:
        """Values that `with_pixels_per_beat` takes, ascending."""
        return [1]

    @abstractmethod
    def frame_problem(self) -> str | None:
        """Why it cannot work on frames of its inputs' size, and what to do, as a sentence; None where it can."""

    @abstractmethod
    def before_shuffle(self, inputs: tuple[StreamType, ...], factor: int, mode: str) -> Op | None:
        """The operator that gives the same values on its inputs before a depth-to-space.

        Args:
            inputs: types of its inputs before the depth-to-space that stands in front of each of them.
            factor, mode: of that depth-to-space, "CRD" or "DCR" as in ONNX.

        Returns:
            None where the operator does not commute with it.
        """

    # What it computes

    @abstractmethod
    def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Output codes, each (H, W, C) int64, for the codes of its inputs, each (H, W, C) int64.

        An operator with a state takes it behind its inputs, and gives the next frame's behind its outputs.
        """

    # Time

    @abstractmethod
    def timing(self, side: Side) -> Timing:
        """Its behaviour in time: as the module's header states it for "rtl", on the safe side for "hls"."""

    @abstractmethod
    def flow(self, arrivals: Sequence[Times]) -> Passage:
        """Exact cycles in RTL at which the beats of each input are taken and those of each output are there, of one
        or more frames.

        Args:
            arrivals: for each input, the cycles at which its beats arrive; see `hw.resources.arrival`.
        """

    # Folding and cost

    @abstractmethod
    def fold_space(self) -> FoldSpace | None:
        """The foldings that it may have; None for an operator that always takes a beat per cycle."""

    @abstractmethod
    def folded(self, fold: Fold) -> Self:
        """The operator with another folding of its `fold_space`."""

    def constant_weights(self) -> Op | None:
        """The operator with constant weights in SystemVerilog, no slower than it is: a choice that HLS does not have
        (`hw.resources.unrolling`). None where there is none, or where it has been taken.
        """
        return None

    @property
    def rtl_note(self) -> str:
        """What is to be said of its folding in SystemVerilog besides PE and SIMD; empty for nothing."""
        return ""

    @abstractmethod
    def fold_cost(self) -> Cost:
        """Resources of the part whose cost depends on the folding; of the whole operator where that is simpler."""

    @abstractmethod
    def cost(self) -> Cost:
        """Resources in RTL at its folding, without FIFOs."""

    @abstractmethod
    def line_buffer_bits(self) -> int:
        """Bits of the memory that holds lines or frames of the input."""

    @abstractmethod
    def work(self) -> Work:
        """Multiply-accumulates."""

    @abstractmethod
    def parameters(self) -> Parameters:
        """Learned constants."""

    # State

    @property
    def start(self) -> tuple[int, ...] | None:
        """Codes of its state in the first frame after reset, one for each channel of its first output; None for an
        operator without a state, whose outputs follow from its inputs alone.

        An operator with a state gives in each frame what the frame before made, one vector, and keeps what this one
        makes. The state is of the type of its first output.
        """
        return None

    def begin(self) -> np.ndarray:
        """The state in the first frame after reset, (1, 1, C) int64."""
        return np.array(self.start, np.int64).reshape(self.outputs[0].shape)

    # Text

    @abstractmethod
    def kernel(self, name: str) -> Kernel:
        """The HLS kernel and its constants.

        Args:
            name: the layer's, for messages.

        Raises:
            UserError: numbers wider than the kernels hold.
        """

    @abstractmethod
    def module(self, name: str, index: int) -> LayerModule:
        """The SystemVerilog module of the layer.

        Args:
            name: the layer's identifier.
            index: number of the layer among those of this operator in its project; see `shared_modules`.
        """

    @classmethod
    def shared_modules(cls, ops: Sequence[Op]) -> dict[str, str]:
        """Modules for synthesis that all layers of this operator share in one project: name to SystemVerilog text.

        Args:
            ops: the layers of this operator in the project; a layer's place in it is the `index` that `module` got.
        """
        return {}

    @abstractmethod
    def describe(self) -> str:
        """What this layer does, in a few words, for diagram and comments: no name out of a file."""

    @property
    @abstractmethod
    def sort(self) -> Sort:
        """What sort of hardware it is, for the diagram."""

    # Tests

    @classmethod
    @abstractmethod
    def random(cls, rng: Rng) -> Op:
        """An operator with parameters and folding out of the whole legal range, small enough to simulate fast."""

    # For all

    def execute(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """`golden`, its results, the next state among them, checked against their types.

        Raises:
            AssertionError: a code does not belong to the type of its output, or a frame has another size.
        """
        outs = self.golden(*(np.asarray(x, np.int64) for x in inputs))
        kinds = self.outputs if self.start is None else (*self.outputs, self.outputs[0])
        for kind, out in zip(kinds, outs, strict=True):
            assert out.shape == kind.shape, f"{self.op_type} gives {out.shape}, its output is {kind}"
            assert out.min() >= kind.lo and out.max() <= kind.hi, f"{self.op_type} leaves {kind}"
        return outs

    def play(self, frames: Iterable[Sequence[np.ndarray]]) -> list[tuple[np.ndarray, ...]]:
        """Outputs of frames that follow each other from reset on, by `execute`.

        Args:
            frames: codes of the inputs of each.
        """
        if self.start is None:
            return [self.execute(*inputs) for inputs in frames]
        state, played = self.begin(), []
        for inputs in frames:
            *outs, state = self.execute(*inputs, state)
            played.append(tuple(outs))
        return played

    def replace(self, **changes: Any) -> Self:
        """A copy with other fields."""
        return replace(self, **changes)

    @property
    def beats_out(self) -> tuple[int, ...]:
        """Beats per frame of each output in RTL."""
        return tuple(kind.pixels // self.pixels_per_beat for kind in self.outputs)

    def busy_at(self, interval: int) -> int:
        """Cycles of a frame when a beat is taken every `interval` cycles: no fewer than beats leave."""
        return max(self.input.pixels * interval, *self.beats_out)

    def pointwise(self, interval: int, latency: int) -> Timing:
        """Timing of a pipeline that gives an output for each beat, without looking at others."""
        return Timing(interval, latency, 0, 0, 0, 0.0, self.busy_at(interval))


@dataclass(frozen=True, eq=False)
class OneOutput(Op, ABC):
    """Base of operators with one output."""

    output: StreamType

    @property
    def outputs(self) -> tuple[StreamType, ...]:
        return (self.output,)


@dataclass(frozen=True, eq=False)
class NotFolded(Op, ABC):
    """Base of operators that take a beat per cycle in any case."""

    def fold_space(self) -> FoldSpace | None:
        return None

    def folded(self, fold: Fold) -> Self:
        raise TypeError(f"{self.op_type} has no folding")

    def fold_cost(self) -> Cost:
        return self.cost()


@dataclass(frozen=True, eq=False)
class NothingLearned(NotFolded, ABC):
    """Base of operators that move, choose or add codes: no weights, no multiply-accumulates."""

    def work(self) -> Work:
        return NO_WORK

    def parameters(self) -> Parameters:
        return NO_PARAMETERS


@dataclass(frozen=True, eq=False)
class Wires(NothingLearned, ABC):
    """Base of those that hold no lines either: beat in, beat out."""

    def line_buffer_bits(self) -> int:
        return 0
