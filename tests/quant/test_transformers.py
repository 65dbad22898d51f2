"""SwinIR-light and HAT-small: parts against plain statements, published sizes, training, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from tests.quant.test_matrix import FLOAT_ONLY, TRAIN, data, interrupted, loss, started  # noqa: F401  (data: a fixture)
from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.accounting import account, paper_config
from xnorsr.quant.config import DataConfig, NetworkConfig
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.layers import BinaryConv
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import attention

SMALL: dict[str, Any] = {"channels": 4, "groups": 1, "blocks": 2, "heads": 2, "window": 4}
NETWORKS: dict[str, dict[str, Any]] = {
    "swinir_light": SMALL,
    "hat_small": {**SMALL, "compress": 2, "squeeze": 2, "features": 4},
}
LINEAR = sorted({*SCHEMES.names()} - {"ebsr"})


def config(network: str, scheme: object, **changes: Any) -> NetworkConfig:
    deployed = {"deployed": scheme not in FLOAT_ONLY}
    found: NetworkConfig = zoo.NETWORKS.validate(
        {"name": network, "scheme": scheme, "numerics": deployed, **NETWORKS[network], **changes}
    )
    return found


@pytest.mark.parametrize(("scale", "kilo"), [(2, 878), (3, 886), (4, 897)])
def test_published_size_of_swinir_light(scale: int, kilo: int) -> None:
    """The paper's figures leave the position biases out: 24 tables of 15 x 15 offsets and 6 heads."""
    cfg = paper_config("swinir_light", "float", scale)
    with torch.device("meta"):
        model = zoo.build(cfg)
    tables = [p.numel() for n, p in model.named_parameters() if n.endswith("table")]
    assert tables == [15 * 15 * 6] * 24
    assert round((sum(p.numel() for p in model.parameters()) - sum(tables)) / 1e3) == kilo


@pytest.mark.slow
def test_published_size_of_hat_small() -> None:
    with torch.device("meta"):
        model = zoo.build(paper_config("hat_small", "float", 4))
    slopes = sum(p.numel() for n, p in model.named_parameters() if "slope" in n)  # two PReLUs more, and a LeakyReLU's
    assert slopes == 3 * 64
    assert sum(p.numel() for p in model.parameters()) - slopes == 9_621_183  # "9.62 M"


def test_products_of_attention_are_counted() -> None:
    """Per token: four linear layers' worth of C x C in attention, twice C x 2C in the perceptron, 2 window**2 C."""
    found = account(config("swinir_light", "bnn", window=2, numerics={"deployed": False}))
    c, pixels = 4, 320 * 180
    linear, conv = 2 * (4 * c * c + 4 * c * c), 2 * 9 * c * c
    assert found.binary_macs == pixels * (linear + conv) and found.binary_weights == linear + conv
    assert found.real_macs == pixels * (2 * 2 * 4 * c + 9 * (3 * c + 12 * c))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_mirroring_is_numpys(size: int) -> None:
    """numpy's reflection is the same wherever the image is long enough for it, and goes on to any size here."""
    x = torch.arange(float(size * 8)).reshape(1, 1, 8, size)
    want = np.pad(x[0, 0].numpy(), ((0, 0), (0, -size % 8)), mode="reflect" if size > 1 else "edge")
    assert np.array_equal(attention.mirrored(x, 8)[0, 0].numpy(), want)


@pytest.mark.parametrize("shift", [0, 2])
def test_window_attention_pixel_by_pixel(shift: int) -> None:
    """Every token attends to those of its own window, after the roll, that come from the same side of the edge."""
    print("seed 3")
    torch.manual_seed(3)
    cfg = config("swinir_light", "float")
    assert isinstance(cfg, zoo.SwinIRLightConfig)
    layer = attention.WindowAttention(cfg, shift, 1.0).double()
    nn.init.normal_(layer.position.table)
    x = torch.randn(1, 4, 8, 4, dtype=torch.float64)
    weight, bias = layer.qkv.conv.weight[:, :, 0, 0], layer.qkv.conv.bias
    q, k, v = (torch.einsum("oc,chw->ohw", weight, x[0]) + bias[:, None, None]).chunk(3)
    want = torch.zeros(4, 8, 4, dtype=x.dtype)

    def place(r: int, size: int) -> tuple[int, int, bool]:
        """Window, row inside it, and whether the row came around the edge."""
        rolled = (r - shift) % size
        return rolled // 4, rolled % 4, r < shift

    for r in range(8):
        for c in range(4):
            (wr, ir, er), (wc, ic, ec) = place(r, 8), place(c, 4)
            seen = [
                (i, j)
                for i in range(8)
                for j in range(4)
                if (place(i, 8)[0], place(i, 8)[2], place(j, 4)[0], place(j, 4)[2]) == (wr, er, wc, ec)
            ]
            for head in (slice(0, 2), slice(2, 4)):
                logits = torch.stack(
                    [
                        q[head, r, c] @ k[head, i, j] / 2**0.5
                        + layer.position.table[(place(i, 8)[1] - ir + 3) * 7 + place(j, 4)[1] - ic + 3, head.start // 2]
                        for i, j in seen
                    ]
                )
                want[head, r, c] = sum(p * v[head, i, j] for p, (i, j) in zip(logits.softmax(0), seen, strict=True))
    got = layer(x)
    torch.testing.assert_close(got, layer.out(want[None]))
    other = 2 - shift
    assert not torch.allclose(got, attention.WindowAttention.forward(shifted(layer, other), x)), "the shift counts"


def shifted(layer: attention.WindowAttention, shift: int) -> attention.WindowAttention:
    layer.shift = shift
    return layer


def test_overlapping_windows_see_what_is_around() -> None:
    print("seed 4")
    torch.manual_seed(4)
    cfg = config("hat_small", "float")
    layer = attention.OverlappingAttention(cfg, 6, 1.0)  # type: ignore[arg-type]
    nn.init.normal_(layer.position.table)
    x = torch.randn(2, 4, 8, 8)
    q, k, v = (F.pad(part, (1, 1, 1, 1)) for part in layer.qkv(x).chunk(3, 1))
    want = torch.zeros_like(x)
    for n in range(2):
        for top in (0, 4):
            for left in (0, 4):
                for head in range(2):
                    at = slice(2 * head, 2 * head + 2)
                    ask = q[n, at, 1 + top : 5 + top, 1 + left : 5 + left].flatten(1)
                    keys, values = (t[n, at, top : top + 6, left : left + 6].flatten(1) for t in (k, v))
                    weights = (ask.T @ keys / 2**0.5 + layer.position()[head]).softmax(1)
                    want[n, at, top : top + 4, left : left + 4] = (weights @ values.T).T.reshape(2, 4, 4)
    torch.testing.assert_close(layer(x), layer.out(want))
    assert layer.position.table.shape == (81, 2)
    index = layer.position.index.reshape(4, 4, 6, 6)
    assert index[0, 0, 0, 0] == 3 * 9 + 3 and index[3, 3, 0, 0] == 0 and index[0, 0, 5, 5] == 80


def test_linear_layers_of_scales_have_a_factor_per_layer_and_per_token() -> None:
    model = zoo.build(config("swinir_light", "scales", numerics={"deployed": False}))
    block = model.groups[0].blocks[0]  # type: ignore[attr-defined]
    linear = [block.attention.qkv, block.attention.out, block.perceptron.first, block.perceptron.second]
    assert all(isinstance(u.conv, BinaryConv) and u.conv.kernel_size == (1, 1) for u in linear)
    assert all(u.factor.numel() == 1 and u.spatial is not None and u.channel is None for u in linear)
    assert model.groups[0].end.conv.channel is not None, "convolutions keep it"  # type: ignore[attr-defined]


def _quick(network: str, scheme: str) -> bool:
    return (network, scheme) in {("swinir_light", "scales"), ("hat_small", "w1a1"), ("swinir_light", "float")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "scheme"),
    [
        pytest.param(n, s, id=f"{n}-{s}", marks=() if _quick(n, s) else pytest.mark.exhaustive)
        for n in NETWORKS
        for s in LINEAR
    ],
)
def test_it_learns_resumes_and_is_not_exported(
    network: str,
    scheme: str,
    data: DataConfig,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cfg = config(network, scheme)
    model = load_trained(train(data, cfg, TRAIN, tmp_path / "one", progress=False))
    assert model.cfg == cfg and loss(model, data) < loss(started(cfg, data), data)
    resumed: dict[str, Tensor] = interrupted(monkeypatch, data, cfg, tmp_path / "two", at=4)
    wanted = model.state_dict()
    assert resumed.keys() == wanted.keys()
    assert [k for k in wanted if not torch.equal(resumed[k], wanted[k])] == []
    print("seed 1")
    codes = np.random.default_rng(1).integers(0, 256, (3, 5, 6), dtype=np.uint8)
    assert upscale(model, codes).shape == (3, 10, 12)
    with pytest.raises(UserError) as e:
        to_qonnx(model, 3, 4, 4)
    if scheme in FLOAT_ONLY:
        assert str(e.value).startswith("model.numerics.deployed is false: ")
    else:
        assert str(e.value).startswith("LayerNormalization (norm1.norm), Softmax (groups.0.blocks.0.attention.product.")
        assert "Gelu (groups.0.blocks.0." in str(e.value) and "not exact in float32" in str(e.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"scheme": "ebsr"}, "scheme ebsr has no linear layer on tokens: its thresholds and channel factors follow"),
        ({"heads": 3}, "must divide channels, 4"),
        ({"window": 5}, "multiple of 2"),
    ],
)
def test_refusals(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as e:
        config("hat_small", **{"scheme": "w1a1", **change})
    assert text in str(e.value)
