"""The published counts of operations, parameters and model size."""

from __future__ import annotations

from typing import Any

import pytest

from xnorsr.quant.accounting import account, paper_config
from xnorsr.quant.config import NetworkConfig
from xnorsr.quant.zoo import NETWORKS, SRResNetConfig

BODY, UPSAMPLER = {"upsampler": "real"}, {"upsampler": "binary"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "scale", "changes", "giga", "kilo"),
    [
        ("float", 2, {}, 85.43, 1367),
        ("float", 4, {}, 146.14, 1515),
        ("bbcu", 2, BODY, 18.55, 225),
        ("bbcu", 4, BODY, 79.20, 372),
        ("bbcu", 2, UPSAMPLER, 1.83, 46),
        ("bbcu", 4, UPSAMPLER, 3.95, 51),
        ("e2fif", 2, {"upsampler": "single", "refine": False}, 1.56, 45.6),
    ],
)
def test_rows_of_the_papers_table(scheme: str, scale: int, changes: dict[str, Any], giga: float, kilo: float) -> None:
    """The table that BBCU prints, of SRResNet with 3x3 ends; E2FIF's row is from memory.

    Most rows agree to the last digit, the others within three in a thousand: what else they count is not said.
    """
    found = account(paper_config("srresnet", scheme, scale, **changes))
    assert found.operations / 1e9 == pytest.approx(giga, rel=0.003)
    assert round(found.parameters / 1e3, 1) == pytest.approx(kilo, rel=0.01)


@pytest.mark.parametrize(("scale", "million", "saved"), [(2, 1.395, 0.82), (4, 1.543, 0.74)])
def test_model_size_of_bnn_sr(scale: int, million: float, saved: float) -> None:
    """SRResNet with 9x9 ends and a post-body convolution: BNN-SR's 80 %."""
    ends = {"head_kernel": 9, "tail_kernel": 9, "post_body": True, "refine": False}
    found = account(paper_config("srresnet", "bnn", scale, **ends))
    assert (found.real_weights + found.binary_weights) / 1e6 == pytest.approx(million, abs=0.0005)
    assert found.saved == pytest.approx(saved, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "scale", "million"),
    [("edsr", 2, 1.37), ("edsr", 4, 1.52), ("rcan", 2, 15.4), ("rdn", 2, 22.1), ("lapsrn", 4, 0.87)],
)
def test_sizes_of_the_published_networks(network: str, scale: int, million: float) -> None:
    """Parameters of the full-precision networks, as their papers or authors' code have them."""
    found = account(paper_config(network, "float", scale))
    assert (found.real_weights + found.others) / 1e6 == pytest.approx(million, rel=0.02)


@pytest.mark.slow
def test_large_edsr() -> None:
    found = account(paper_config("edsr", "float", 2, channels=256, blocks=32))
    assert (found.real_weights + found.others) / 1e6 == pytest.approx(40.7, rel=0.01)


def test_pooled_vectors_count_once() -> None:
    """Channel attention is so many operations a frame, not a pixel."""
    small = {"channels": 8, "groups": 1, "blocks": 1, "reduction": 2, "upsampler": "single"}
    found = account(paper_config("rcan", "bnn", 2, **small))
    body, attention = 4 * 9 * 8 * 8, 2 * 8 * 4
    ends = 9 * (3 * 8 + 8 * 12)
    assert found.binary_macs == 320 * 180 * body
    assert found.real_macs == 320 * 180 * ends + attention
    assert (found.binary_weights, found.real_weights) == (body, ends + attention)


def test_bits_do_not_matter() -> None:
    cfg: NetworkConfig = SRResNetConfig(channels=4, blocks=1)
    other = NETWORKS.validate({**cfg.model_dump(), "numerics": {"trunk_bits": 12, "deployed": False}})
    assert account(cfg) == account(other)
