"""What hls4ml's entry point ``hls4ml.backends`` calls: registers everything that XnorVitis adds to hls4ml."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def register(register_backend: Callable[[str, type], None], register_writer: Callable[[str, type], None]) -> None:
    """Register layers, writer and backend, and make ONNX conversion lower the model first.

    hls4ml calls this in the middle of its own import, so nothing of hls4ml's converters is imported here.
    """
    from .backend import NAME, XnorVitisBackend
    from .layers import register_layers
    from .writer import XnorVitisWriter

    register_layers()
    register_writer(NAME, XnorVitisWriter)
    register_backend(NAME, XnorVitisBackend)
    _after_import("hls4ml.converters.onnx_to_hls", _install_converter)
    _after_import("hls4ml.utils.config", _install_layer_config)


def _install_converter(module: Any) -> None:
    """Let hls4ml's ONNX converter hand models for XnorVitis to ours.

    hls4ml has no hook between an ONNX model and its parser; every other backend goes the old way.
    """
    from .backend import NAME
    from .graph import convert

    original = module.onnx_to_hls

    def onnx_to_hls(config: dict[str, Any]) -> Any:
        return convert(config) if str(config.get("Backend", "")).lower() == NAME.lower() else original(config)

    onnx_to_hls.__doc__ = original.__doc__
    module.onnx_to_hls = onnx_to_hls


def _install_layer_config(module: Any) -> None:
    """Let hls4ml's ``config_from_onnx_model`` give the layers that ours lowers a model to."""
    import inspect
    import sys

    from .backend import NAME

    original = module.config_from_onnx_model
    ignored = inspect.signature(original).parameters  # precisions and reuse factors, which every file has its own of

    @functools.wraps(original)
    def config_from_onnx_model(model: Any, granularity: str = "name", backend: Any = None, **others: Any) -> Any:
        if str(backend).lower() != NAME.lower():
            return original(model, granularity, backend, **others)
        from .keys import layer_config

        return layer_config(model, granularity, **{key: v for key, v in others.items() if key not in ignored})

    module.config_from_onnx_model = config_from_onnx_model
    package = sys.modules.get("hls4ml.utils")
    if getattr(package, "config_from_onnx_model", None) is original:
        package.config_from_onnx_model = config_from_onnx_model  # type: ignore[union-attr]


def _after_import(name: str, action: Callable[[Any], None]) -> None:
    """Call `action(module)` as soon as the module `name` has been executed, before anyone copies names out of it."""
    import importlib.abc
    import importlib.machinery
    import sys

    if name in sys.modules:
        action(sys.modules[name])
        return

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
            if fullname != name:
                return None
            sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                execute = spec.loader.exec_module

                def exec_module(module: Any) -> None:
                    execute(module)
                    action(module)

                spec.loader.exec_module = exec_module  # type: ignore[method-assign]
            return spec

    sys.meta_path.insert(0, Finder())
