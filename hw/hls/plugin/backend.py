"""The hls4ml backend XnorVitis: Vitis HLS flavour, packed XNOR-popcount dataflow kernels.

It inherits hls4ml's configuration and vendor call from the Vitis backend. Its flow is its own and short: hls4ml's
precision and layout passes have nothing to do on graphs whose every type is explicit.
"""

from __future__ import annotations

import inspect
import shutil
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hls4ml.backends import FPGABackend, VitisBackend
from hls4ml.model.flow import register_flow
from hls4ml.report import parse_vivado_report

from .... import children
from ....errors import UserError
from ...options import Folding
from ...resources.devices import vendor_part
from ..csynth import check_intervals
from .keys import checked
from .passes.folding import ApplyFolding
from .passes.supported import CheckSupported

if TYPE_CHECKING:
    from hls4ml.model import ModelGraph

NAME = "XnorVitis"


class XnorVitisBackend(VitisBackend):
    """The backend, as hls4ml keeps it under the name XnorVitis."""

    def __init__(self) -> None:
        FPGABackend.__init__(self, NAME)
        self._register_flows()

    def _init_file_optimizers(self) -> dict[str, Any]:
        """Ours only: the passes of the Vitis backend are for its own layers."""
        return {"check_supported": CheckSupported(), "apply_folding": ApplyFolding()}

    def _register_flows(self) -> None:
        prefix = NAME.lower()
        passes = [f"{prefix}:{name}" for name in ("check_supported", "apply_folding")]
        streaming = register_flow("streaming", passes, backend=prefix)
        self._default_flow = register_flow("ip", None, requires=[streaming], backend=prefix)
        self._writer_flow = register_flow("write", [f"{prefix}:write_hls"], [self._default_flow], backend=prefix)

    def create_initial_config(
        self,
        part: str | None = None,
        clock_period: float | None = None,
        clock_uncertainty: str | None = None,
        io_type: str = "io_stream",
        *,
        port_colors: str | None = None,
        hls_ports: str | None = None,
        hls_control: str | None = None,
        frame_sync: str | None = None,
        affine_bits: int | None = None,
        frame: tuple[int, int] | None = None,
        folding: Folding | None = None,
        pooling: str | None = None,
        **others: Any,
    ) -> dict[str, Any]:
        """The Vitis backend's configuration, with streams as the default.

        Args:
            part, clock_period (ns), clock_uncertainty: of the Vitis backend.
            port_colors, hls_ports, hls_control, frame_sync: as in `hw.options.BuildOptions`.
            affine_bits: bits that float scales and slopes are quantized to; None refuses them.
            frame: (width, height) in pixels that the network is built for; None keeps the file's.
            folding: as in `hw.options.BuildOptions`, for layers that HLSConfig gives no PE and SIMD.
            pooling: which frame's means a frame uses, as in `hw.options.BuildOptions`.
            others: further options of the Vitis backend, which change nothing here and are named in a warning.

        Raises:
            UserError: an option that there is not, or a value that is not allowed.
        """
        given = {"affine_bits": affine_bits, "frame": frame, "folding": folding, "pooling": pooling}
        given |= {"port_colors": port_colors, "hls_ports": hls_ports, "hls_control": hls_control}
        given |= {"frame_sync": frame_sync}
        options = checked(given | {"clock_period": clock_period})
        full = vendor_part(part) if isinstance(part, str) else part
        made = super().create_initial_config(full, clock_period, clock_uncertainty, io_type)
        idle = set(inspect.signature(VitisBackend.create_initial_config).parameters) & others.keys()
        if unknown := sorted(others.keys() - idle):
            allowed = ["part", "clock_period", "clock_uncertainty", "io_type", *given]
            raise UserError(f"unknown option {unknown[0]!r} of the backend {NAME}. Options are: {', '.join(allowed)}.")
        if idle:
            names = ", ".join(sorted(idle))
            warnings.warn(f"{names}: changes nothing with the backend {NAME}; leave it out.", stacklevel=3)
        return {
            **made,
            "PortColors": options.port_colors,
            "HlsPorts": options.hls_ports,
            "HlsControl": options.hls_control,
            "FrameSync": options.frame_sync,
            "AffineBits": options.affine_bits,
            "Frame": list(options.frame) if options.frame else None,
            "Folding": options.model_dump(mode="json")["folding"],
            "Pooling": options.pooling,
        }

    def create_layer_class(self, layer_class: type) -> type:
        """Layers have no attributes of hls4ml's kind: all of them stand in the operator."""
        name = f"{layer_class.__module__}.{layer_class.__qualname__}"
        return type(self.name + layer_class.__name__, (layer_class,), {"_expected_attributes": [], "_wrapped": name})

    def compile(self, model: Any) -> str:
        """Compile the written project for C-simulation; the library's path.

        Raises:
            UserError: there is no C++ compiler, or it fails.
        """
        from ..project import compile_project

        return str(compile_project(Path(model.config.get_output_dir())))

    def predict(self, model: ModelGraph, x: np.ndarray) -> np.ndarray:
        """C-simulation of float images, (N, H, W, C) or (H, W, C); hls4ml's layout of the result.

        Several are frames that follow each other from reset on, which counts where a network keeps something from frame
        to frame (pooling="previous").

        Raises:
            UserError: another shape, or a value that is no code of the input's type: nothing rounds in front of the
                hardware.
        """
        from .model import XnorModelGraph, check_shape, frames_of

        reset = getattr(model._top_function_lib, "xnorsr_reset", None)
        if reset is not None:
            reset()
        if isinstance(model, XnorModelGraph):
            return model._predict(frames_of(x, next(iter(model.get_layers())).get_attr("stream").kind, "predict"))
        # A project that was linked again: its shapes are known, its types are not.
        check_shape(x, tuple(model.get_input_variables()[0].shape), "predict")
        return model._predict(x)

    def build(
        self,
        model: ModelGraph,
        reset: bool = False,
        csim: bool = True,
        synth: bool = True,
        cosim: bool = False,
        validation: bool = False,
        export: bool = False,
        vsynth: bool = False,
        fifo_opt: bool = False,
        log_to_stdout: bool = True,
    ) -> Any:
        """Run the vendor's tool, vitis-run or else vitis_hls, on the written project; hls4ml's report.

        Args:
            csim, synth, cosim, export, vsynth: steps of the tool; vsynth is Vivado's synthesis of the exported core.
            validation, fifo_opt: nothing is left for them: csim and cosim compare with the test data themselves, and
                depths of FIFOs are computed.
            log_to_stdout: otherwise into build_stdout.log and build_stderr.log.

        Raises:
            UserError: no such tool on PATH, it fails, or a loop misses its initiation interval.
        """
        tool = next((found for name in ("vitis-run", "vitis_hls") if (found := shutil.which(name))), None)
        if tool is None:
            raise UserError(
                "build: neither vitis-run nor vitis_hls is on PATH. Install AMD Vitis and source its settings."
            )
        folder = Path(model.config.get_output_dir())
        steps = {"reset": reset, "csim": csim, "synth": synth, "cosim": cosim, "validation": validation,
                 "export": export, "vsynth": vsynth, "fifo_opt": fifo_opt}  # fmt: skip
        text = "".join(f"    {step:<10} {int(wanted)}\n" for step, wanted in steps.items())
        (folder / "build_opt.tcl").write_text(f"array set opt {{\n{text}}}\n")
        script = (
            ["-f", "build_prj.tcl"] if Path(tool).name == "vitis_hls" else ["--mode", "hls", "--tcl", "build_prj.tcl"]
        )
        with ExitStack() as stack:
            logs = [None if log_to_stdout else stack.enter_context((folder / f"build_{name}.log").open("w"))
                    for name in ("stdout", "stderr")]  # fmt: skip
            done = children.run([tool, *script], cwd=folder, stdout=logs[0], stderr=logs[1])
        if done.returncode:
            raise UserError(f"build: {tool} failed with exit code {done.returncode} on {folder}; see its output.")
        if synth:
            for reports in folder.glob("*_prj/*/syn/report"):
                check_intervals(folder, reports)
        return parse_vivado_report(str(folder))
