"""Trained networks in small files: the same inference to the last bit, the same bytes each time, damage is named."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import numpy_helper

from tests.quant.test_matrix import NETWORKS
from xnorsr.errors import UserError
from xnorsr.quant import packed, zoo
from xnorsr.quant.config import NetworkConfig
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.layers import BinaryConv
from xnorsr.quant.quantizers import mean_magnitude
from xnorsr.quant.saved import load_trained, save_trained
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.zoo import SRResNetConfig

SMALL = {"channels": 6, "blocks": 1, "tail_bits": 9}
SWIN = {"name": "swinir_light", "channels": 8, "groups": 1, "blocks": 1, "heads": 2, "window": 4, "scheme": "scales"}


def _srresnet(scheme: str) -> NetworkConfig:
    found: NetworkConfig = zoo.NETWORKS.validate(
        {"name": "srresnet", **SMALL, "scheme": scheme, "numerics": {"deployed": scheme != "float"}}
    )
    return found


def _others() -> list[NetworkConfig]:
    tables = [{"name": n, "scheme": "bbcu", **t} for n, t in NETWORKS.items() if n != "srresnet"] + [
        SWIN, {"name": "srresnet", **SMALL, "scheme": "bireal", "numerics": {"deployed": False}},
    ]  # fmt: skip
    return [zoo.NETWORKS.validate(t) for t in tables]


@pytest.mark.slow
@pytest.mark.parametrize(
    "cfg", [*(_srresnet(s) for s in SCHEMES.names()), *_others()], ids=lambda c: f"{c.name}-{c.scheme.name}"
)
def test_inference_is_the_same(cfg: NetworkConfig, tmp_path: Path) -> None:
    seed = 31
    print(f"seed {seed}")
    torch.manual_seed(seed)
    model = zoo.randomize(zoo.build(cfg), seed).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    (tmp_path / "weights.npz").write_bytes(packed.pack(model))
    loaded = load_trained(tmp_path / "weights.npz")
    assert loaded.cfg == cfg and not loaded.training
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (cfg.image_channels, 9, 12), np.uint8)
    assert np.array_equal(upscale(loaded, codes), upscale(model, codes))
    assert len(np.unique(upscale(model, codes))) > 8
    binary = {f"{n}.weight" for n, m in model.named_modules() if isinstance(m, BinaryConv)}
    for name, value in loaded.state_dict().items():
        assert torch.equal(model.state_dict()[name], before[name]), "packing changes nothing"
        if name not in binary:
            assert torch.equal(value, before[name]), name
        else:
            assert torch.equal(value >= 0, before[name] >= 0) and not torch.equal(value, before[name])
            assert torch.equal(mean_magnitude(value), mean_magnitude(before[name])), name
            spread = value.abs().flatten(1)
            assert float((spread.amax(1) / spread.amin(1)).max()) < 1 + 2**-8


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["w1a1", "bsrc"])
def test_exported_file_is_the_same(scheme: str, tmp_path: Path) -> None:
    """Codes of the QONNX file, and every constant but the latent weights, of which only the sign counts there."""
    model = zoo.randomize(zoo.build(_srresnet(scheme)), 5).eval()
    (tmp_path / "weights.npz").write_bytes(packed.pack(model))
    graphs = [to_qonnx(m, 3, 6, 8) for m in (model, load_trained(tmp_path / "weights.npz"))]
    codes = np.random.default_rng(5).integers(0, 256, (2, 3, 6, 8), np.uint8)
    assert np.array_equal(execute(graphs[0], codes), execute(graphs[1], codes))
    latent = {n.input[0] for n in graphs[0].graph.node if n.op_type == "BipolarQuant"}
    constants = [{i.name: numpy_helper.to_array(i) for i in g.graph.initializer} for g in graphs]
    assert constants[0].keys() == constants[1].keys() and len(latent & constants[0].keys()) == 2
    for name, value in constants[0].items():
        wanted, got = (value >= 0, constants[1][name] >= 0) if name in latent else (value, constants[1][name])
        np.testing.assert_array_equal(got, wanted, name)


@pytest.mark.slow
def test_size_and_bytes() -> None:
    """A bit for each binary weight, 340 bytes for each array's name; unpacked and packed again it is the same."""
    model = zoo.build(SRResNetConfig(channels=32, blocks=4))
    data = packed.pack(model)
    assert data == packed.pack(model)
    weights = 8 * 32 * 32 * 9
    real = sum(p.numel() for p in model.parameters()) - weights
    assert len(data) < weights / 8 + 4 * (real + 8 * 32) + 340 * len(packed.packed(model))
    again = zoo.build(model.cfg)
    again.load_state_dict(packed.unpacked(again, packed.packed(model)))
    assert packed.pack(again) == data


def test_signs_of_zeros_and_of_the_least_magnitudes() -> None:
    """sign(0) is +1, also of -0; a filter of zeros stays one of +1."""
    model = zoo.build(_srresnet("bbcu"))
    conv = next(m for m in model.modules() if isinstance(m, BinaryConv))
    with torch.no_grad():
        conv.weight[0] = 0.0
        conv.weight[1] = -0.0
        conv.weight[2] = torch.finfo(torch.float32).tiny * torch.sign(conv.weight[2])
        conv.weight[3, 0, 0, 0] = -1.0
    wanted = conv.weight.detach().clone()
    model.load_state_dict(packed.unpacked(model, packed.packed(model)))
    assert torch.equal(conv.weight >= 0, wanted >= 0)
    assert torch.equal(mean_magnitude(conv.weight), mean_magnitude(wanted))


def test_latent_weights_are_kept_where_no_total_has_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_total", lambda _: None)
    model = zoo.build(_srresnet("bbcu"))
    arrays = packed.packed(model)
    assert all(name.startswith(packed.REAL) for name in arrays)
    found = packed.unpacked(model, arrays)
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


# -- files from strangers


class _Runs:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    path = tmp_path_factory.mktemp("good") / "weights.npz"
    path.write_bytes(packed.pack(zoo.build(SRResNetConfig(channels=3, blocks=1))))
    with np.load(path, allow_pickle=False) as found:
        return dict(found)


def _bits(a: Arrays) -> str:
    return next(n for n in a if n.startswith(packed.BITS))


def _with(change: Callable[[str], str], value: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], Arrays]:
    def changed(a: Arrays) -> Arrays:
        name = change(_bits(a))
        return {**a, name: value(a[name])}

    return changed


def _without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda a: {n: v for n, v in a.items() if n != name}


def _same(name: str) -> str:
    return name


def _total(name: str) -> str:
    return name.replace(packed.BITS, packed.TOTAL)


def _head(_: str) -> str:
    return f"{packed.REAL}head.conv.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("format"), "is not of this program"),
        (lambda a: {**a, "format": np.array(1)}, "is of format 1, this version reads format 2"),
        (lambda a: {**a, "format": np.array("2")}, "cannot be read, it is damaged or of another program (ValueError)"),
        (_without("config"), "its config or state_dict is missing"),
        (lambda a: {**a, "config": np.zeros(3, np.float32)}, "its config or state_dict is missing"),
        (lambda a: {**a, "config": np.frombuffer(b"{", np.uint8)}, "does not fit this version's networks"),
        (lambda a: {**a, "config": np.frombuffer(b"\xff", np.uint8)}, "cannot be read"),
        (_without("real/head.conv.weight"), "real/head.conv.weight is missing"),
        (lambda a: {**a, "real/more": np.zeros(1, np.float32)}, "real/more is of no tensor of this network"),
        (_with(_head, lambda v: v[:1]), "real/head.conv.weight is torch.float32 (1, 3, 3, 3), not torch.float32 (3,"),
        (_with(_head, lambda v: v.astype(np.float64)), "real/head.conv.weight is torch.float64"),
        (_with(_head, lambda v: v.astype(">f4")), "cannot be read"),
        (_with(_head, lambda v: v * np.nan), "real/head.conv.weight holds an infinity or a NaN"),
        (_with(_same, lambda v: v[:-1]), "not the bits of 81 weights"),
        (_with(_same, lambda v: v.astype(np.int64)), "not the bits of 81 weights"),
        (_with(_same, lambda v: v | 1), "has bits behind its last weight"),
        (_with(_total, lambda v: v * 0), "is not one float32 of at least 0.00164794921875 for each of 3 filters"),
        (_with(_total, lambda v: v[:2]), "is not one float32 of at least 0.00164794921875 for each of 3 filters"),
        (_with(_total, lambda v: v * np.inf), "holds an infinity or a NaN"),
    ],
)
def test_damaged_files(change: Callable[[Arrays], Arrays], said: str, arrays: Arrays, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, **change(arrays))  # type: ignore[arg-type]
    with pytest.raises(UserError) as e:
        load_trained(path)
    assert str(path) in str(e.value) and said in str(e.value)


def test_what_is_no_archive(arrays: Arrays, tmp_path: Path) -> None:
    path, ran = tmp_path / "weights.npz", tmp_path / "ran"
    whole = io.BytesIO()
    np.savez(whole, **arrays)  # type: ignore[arg-type]
    compressed, with_pickle = io.BytesIO(), io.BytesIO()
    np.savez_compressed(compressed, **arrays)  # type: ignore[arg-type]
    np.savez(with_pickle, format=np.array([_Runs(ran)], object), allow_pickle=True)
    flipped = bytearray(whole.getvalue())
    flipped[len(flipped) // 3] ^= 8
    for data in (b"", b"PK", whole.getvalue()[:-40], bytes(flipped), compressed.getvalue(), with_pickle.getvalue(),
                 pickle.dumps(_Runs(ran))):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"weights.npz cannot be read, it is damaged or of another program \("):
            load_trained(path)
    assert not ran.exists()


def test_a_header_that_asks_for_more_than_there_is(tmp_path: Path) -> None:
    part = io.BytesIO()
    np.lib.format.write_array_header_1_0(part, {"descr": "<f4", "fortran_order": False, "shape": (1 << 45,)})
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        archive.writestr("format.npy", part.getvalue())
    with pytest.raises(UserError, match="cannot be read"):
        load_trained(tmp_path / "weights.npz")


def test_weights_of_a_training_called_npz_are_no_packed_network(tmp_path: Path) -> None:
    save_trained(zoo.build(SRResNetConfig(channels=3, blocks=1)), tmp_path / "weights.pt")
    os.replace(tmp_path / "weights.pt", tmp_path / "weights.npz")
    with pytest.raises(UserError, match="cannot be read, it is damaged or of another program"):
        load_trained(tmp_path / "weights.npz")
