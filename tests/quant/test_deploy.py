"""From the float form to the deployed one: what is taken over, what each quantization costs, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.quant.test_matrix import NETWORKS
from xnorsr.errors import UserError
from xnorsr.quant import deploy, zoo
from xnorsr.quant.config import NetworkConfig
from xnorsr.quant.data import Photo, embedded_path, read_photo
from xnorsr.quant.layers import BatchNorm
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.zoo import Network


def form(network: str, scheme: object, deployed: bool, **changes: Any) -> NetworkConfig:
    table = {"name": network, "scheme": scheme, "numerics": {"deployed": deployed, "trunk_range": 16}}
    found: NetworkConfig = zoo.NETWORKS.validate({**table, **NETWORKS[network], **changes})
    return found


def trained(cfg: NetworkConfig, seed: int) -> Network:
    """A float form with parameters and statistics unlike those at the start; names its seed."""
    print(f"seed {seed}")
    torch.manual_seed(seed)
    model = zoo.build(cfg)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.mul_(1 + 0.2 * torch.randn_like(p))
            if name.endswith(("offset", "bias", "bias.weight")):
                p.add_(0.05 * torch.randn_like(p))
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.running_mean.normal_(0, 2)  # type: ignore[union-attr]
                module.running_var.uniform_(4, 40)  # type: ignore[union-attr]
    for batch in batches(cfg):  # quantizers of the float form itself, int8's for example
        with torch.no_grad():
            norms = [m for m in model.modules() if isinstance(m, BatchNorm)]
            model.train()
            for m in norms:
                m.eval()
            model(batch)
    return model.eval()


def batches(cfg: NetworkConfig) -> list[torch.Tensor]:
    rng = np.random.default_rng(8)
    return [
        torch.from_numpy((rng.integers(0, 256, (2, cfg.image_channels, 6, 8)) / 256).astype(np.float32))
        for _ in range(3)
    ]


CASES = [("srresnet", s) for s in SCHEMES.names() if s not in ("float", "bnn")] + [
    ("edsr", "e2fif"),
    ("rcan", "bireal"),
    ("rdn", "w1a1"),
    ("lapsrn", "bsrc"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "scheme"), CASES)
def test_nothing_but_rounding_differs(network: str, scheme: str) -> None:
    """With every new quantizer open, the deployed form computes what the float form does."""
    source = trained(form(network, scheme, False), 5)
    model, anew = deploy.converted(source, form(network, scheme, True), batches(source.cfg))
    assert anew == []
    every = deploy.kinds(source, model)
    x = batches(source.cfg)[0]
    with torch.no_grad(), deploy.without(every):
        opened = model(x)
    with torch.no_grad():
        wanted, rounded = source(x), model(x)
    # The mean over a frame multiplies by a constant within 2**-12 of one over its pixels; pixels may fall differently.
    assert float((opened - wanted).abs().max()) <= 1.01 / 256
    assert float((opened != wanted).float().mean()) < 0.05
    assert not torch.equal(rounded, opened), "the quantizers work again"
    assert len(wanted.unique()) > 8


def test_real_activations_become_few_bits() -> None:
    source = trained(form("srresnet", {"name": "bnn", "real_activations": True}, False), 5)
    model, anew = deploy.converted(source, form("srresnet", {"name": "bnn", "act_bits": 2}, True), batches(source.cfg))
    labels = [k.label for k in deploy.kinds(source, model)]
    assert anew == [] and "activations of real and n-bit convolutions, 2 to 9 bits" in labels


def test_kinds_of_scales() -> None:
    source = zoo.build(form("srresnet", "scales", False))
    model = zoo.build(form("srresnet", "scales", True, numerics={"weight_bits": 6, "trunk_bits": 12}))
    assert [k.label for k in deploy.kinds(source, model)] == [
        "weights of real convolutions, 6 bits",
        "scales, 8 bits",
        "biases, 12 bits",
        "residual stream, 12 bits",
        "activations of real and n-bit convolutions, 8 to 9 bits",
        "gates, 8 to 12 bits",
        "residual image, 12 bits",
    ]


@pytest.mark.slow
def test_costs_are_of_that_quantization() -> None:
    """A coarse one shows alone; the last line has all of them, and is what the network gives."""
    photo = read_photo(embedded_path("coffee"))
    photos = [Photo("a", photo.pixels[80:140, 100:160])]
    source = trained(form("srresnet", "w1a1", False, upsampler="single", refine=False), 6)
    cfg = form("srresnet", "w1a1", True, upsampler="single", refine=False, numerics={"weight_bits": 2})
    model, _ = deploy.converted(source, cfg, batches(cfg))
    found = deploy.costs(source, model, photos)
    plain = deploy.quality(source, photos, cfg)
    alone = {c.label: plain - c.alone for c in found}
    assert max(alone, key=lambda k: abs(alone[k])) == "weights of real convolutions, 2 bits"
    assert found[-1].together == deploy.quality(model, photos, cfg)
    assert found[0].alone == found[0].together


def test_another_scheme_takes_what_it_can() -> None:
    source = trained(form("srresnet", "float", False), 7)
    model, anew = deploy.converted(source, form("srresnet", "w1a1", True), batches(source.cfg))
    assert "blocks.0.first.offset" in anew and "blocks.0.first.conv.weight" not in anew
    assert torch.equal(model.state_dict()["head.conv.weight"], source.state_dict()["head.conv.weight"])


def test_another_architecture_is_refused() -> None:
    source, wanted = form("srresnet", "w1a1", False), form("srresnet", "bnn", True, channels=8, skip="none")
    with pytest.raises(UserError) as e:
        deploy.check_start("there/weights.pt", source, wanted)
    assert str(e.value).startswith(
        "there/weights.pt is of another architecture: model.skip (there nearest, asked for none), "
    )
    assert "model.channels (there 4, asked for 8); set" in str(e.value)
    deploy.check_start("x", source, form("srresnet", "bnn", True, tail_bits=6))
