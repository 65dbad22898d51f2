"""The papers' model sizes and operations, counted again, and the same figures of the shipped recipes.

    python -m benchmarks.model_size [--quick]

Size: SRResNet with 9x9 ends, body at 1 bit and the rest at 32: 82 % smaller at x2, 74 % at x4 (BNN-SR says 80 %).
Operations: real MACs + binary MACs/64 on a 320x180 low-resolution frame; parameters: real + binary/32. Published rows
are of SRResNet with 3x3 ends; recipes are counted by `quant.accounting`, and by `hw.resources` where there is hardware.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch

from benchmarks.common import heading, rows
from xnorsr.errors import UserError
from xnorsr.flows.config import load_recipe, shipped_recipes
from xnorsr.hw.build import BuildOptions, prepare
from xnorsr.hw.resources.account import RULE_PIXELS, Estimate, estimate
from xnorsr.quant import zoo
from xnorsr.quant.accounting import account
from xnorsr.quant.config import NetworkConfig, SchemeConfig
from xnorsr.quant.export import to_qonnx

CHANNELS, BLOCKS = 64, 16
FRAME = (16, 9)


@dataclass(frozen=True)
class Conv:
    """One convolution of a paper's network: `area` is its number of pixels per low-resolution pixel."""

    part: str
    cin: int
    cout: int
    kernel: int
    area: int = 1

    @property
    def weights(self) -> int:
        """Number of weights, biases not counted."""
        return self.cin * self.cout * self.kernel**2


def srresnet(scale: int, ends: int, post_body: bool) -> list[Conv]:
    """SRResNet: head, 16 blocks of two convolutions, upsampler with pixel shuffles by 2, tail."""
    c, stages = CHANNELS, scale // 2
    convs = [Conv("head", 3, c, ends)] + [Conv("body", c, c, 3)] * (2 * BLOCKS)
    convs += [Conv("post-body", c, c, 3)] if post_body else [Conv("upsampler", c, c, 3, scale**2)]
    convs += [Conv("upsampler", c, 4 * c, 3, 4**i) for i in range(stages)]
    return [*convs, Conv("tail", c, 3, ends, scale**2)]


def one_convolution_tail(scale: int) -> list[Conv]:
    """E2FIF's network: the last convolution makes scale*scale*3 channels, then a pixel shuffle."""
    body = [Conv("body", CHANNELS, CHANNELS, 3)] * (2 * BLOCKS)
    return [Conv("head", 3, CHANNELS, 3), *body, Conv("tail", CHANNELS, 3 * scale**2, 3)]


def counted(convs: list[Conv], binary: tuple[str, ...]) -> tuple[float, float]:
    """(operations in G, parameters in K) by the published rule."""
    operations = sum(v.weights * v.area / (64 if v.part in binary else 1) for v in convs) * RULE_PIXELS
    return operations / 1e9, sum(v.weights / (32 if v.part in binary else 1) for v in convs) / 1e3


def saved(convs: list[Conv]) -> float:
    """Share of the float model's size that a body of 1 bit saves."""
    return 1 - sum(v.weights * (1 if v.part == "body" else 32) for v in convs) / sum(32 * v.weights for v in convs)


# (network, scale, binary parts, published G operations, published K parameters)
PUBLISHED = [
    ("full precision", 2, (), 85.43, 1367),
    ("full precision", 4, (), 146.14, 1515),
    ("BBCU-L, IRNet, BTM, ReActNet", 2, ("body",), 18.55, 225),
    ("BBCU-L, IRNet, BTM, ReActNet", 4, ("body",), 79.20, 372),
    ("BBCU-M", 2, ("body", "upsampler"), 1.83, 46),
    ("BBCU-M", 4, ("body", "upsampler"), 3.95, 51),
    ("E2FIF", 2, ("body",), 1.56, 45.6),
]


def check(what: str, got: float, wanted: float, share: float) -> None:
    """Raises if a figure differs from the published one by more than `share` of it."""
    if abs(got - wanted) > share * wanted:
        raise AssertionError(f"{what}: counted {got:.4g}, published {wanted:.4g}")


def papers() -> None:
    """Print the papers' model sizes, then their operations and parameters."""
    heading("Model size, SRResNet 64 channels, 16 blocks, 9x9 ends, body at 1 bit")
    table = []
    for scale, million, share in ((2, 1.395, 0.82), (4, 1.543, 0.74)):
        convs = srresnet(scale, 9, post_body=True)
        weights, found = sum(v.weights for v in convs) / 1e6, saved(convs)
        check(f"parameters x{scale}", weights, million, 0.001)
        check(f"size saved x{scale}", found, share, 0.01)
        table.append([f"x{scale}", f"{weights:.3f}", f"{million}", f"-{100 * found:.1f} %", f"-{100 * share:.0f} %"])
    rows(["", "M parameters", "published", "size", "published"], table)
    heading("Operations and parameters by the published rule, 320x180 low-resolution frame")
    table = []
    for name, scale, binary, operations, params in PUBLISHED:
        convs = one_convolution_tail(scale) if name == "E2FIF" else srresnet(scale, 3, post_body=False)
        g, k = counted(convs, binary)
        check(f"operations of {name} x{scale}", g, operations, 0.005)
        check(f"parameters of {name} x{scale}", k, params, 0.01)
        table.append([f"{name} x{scale}", f"{g:.2f}", f"{operations:.2f}", f"{k:.1f}", f"{params}"])
    rows(["", "G OPs", "published", "K parameters", "published"], table)


def lowered(cfg: NetworkConfig) -> Estimate | UserError:
    """The account of a recipe's network in hardware, with start weights, on a small frame; nothing in it depends on
    either. Where there is no such network, what refuses it."""
    torch.manual_seed(0)
    model, options = zoo.build(cfg).eval(), BuildOptions(frame=FRAME)
    try:
        return estimate(prepare(to_qonnx(model, cfg.image_channels, FRAME[1], FRAME[0]), options).network)
    except UserError as e:
        return e


def scheme_of(cfg: NetworkConfig) -> str:
    """A scheme with the options that are not its defaults."""
    scheme: SchemeConfig = cfg.scheme  # type: ignore[attr-defined]
    chosen = scheme.model_dump(exclude={"name"}, exclude_defaults=True)
    return " ".join([scheme.name, *(f"{k}={v}" for k, v in chosen.items())])


def recipes(names: list[str]) -> None:
    """Print the account of shipped recipes, and of their hardware where it exists: it never has fewer operations.

    The size of hardware includes all parameters, those per channel too.
    """
    heading("Shipped recipes, counted on the network and on what hardware is made from")
    table = []
    for name in names:
        cfg = load_recipe(name).model
        counts, found = account(cfg), lowered(cfg)
        hardware = ["-", "-", "-"]
        if isinstance(found, Estimate):
            # More where hardware has zeros among its taps (transposed convolutions) or works once a frame; never less.
            if found.ops_rule < 0.999 * counts.operations:
                check(f"operations of {name} in hardware", found.ops_rule, counts.operations, 0.001)
            hardware = [
                f"{found.ops_rule / 1e9:.2f}",
                f"{found.model_bits / 8e3:.1f}",
                f"-{100 * found.size_reduction:.1f} %",
            ]
        table.append(
            [
                name,
                f"{cfg.name} x{cfg.scale} {scheme_of(cfg)}",
                f"{counts.operations / 1e9:.2f}",
                f"{counts.parameters / 1e3:.1f}",
                f"-{100 * counts.saved:.1f} %",
                *hardware,
            ]
        )
        sizes = {"channels": CHANNELS, "blocks": BLOCKS, "upsampler": "single", "scale": 2}
        if scheme_of(cfg) == "w1a1" and cfg.name == "srresnet" and sizes.items() <= cfg.model_dump().items():
            check(
                f"operations of {name}", counts.operations / 1e9, counted(one_convolution_tail(2), ("body",))[0], 0.001
            )
    rows(["", "", "G OPs", "K parameters", "size", "hardware: G OPs", "kB", "size"], table)


def main(arguments: list[str] | None = None) -> None:
    """Run and print; raises if a count is not the published one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the demo of the recipes")
    args = parser.parse_args(arguments)
    papers()
    recipes(["demo"] if args.quick else shipped_recipes())


if __name__ == "__main__":
    main()
