"""A scheme and a network from outside go through the training side by being registered, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from tests.quant.toys import RECIPE, ToyConfig, ToyNet, ToySchemeConfig, ToyUnit, toys
from xnorsr.errors import UserError
from xnorsr.flows.config import load_recipe
from xnorsr.flows.steps import training as steps
from xnorsr.quant import schemes, zoo
from xnorsr.quant.config import SchemeConfig
from xnorsr.quant.data import PatchDataset
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.schemes import BinaryUnit
from xnorsr.quant.training import load_trained, save_trained, train

TOML = """
[data]
source = "{photos}"
holdout = ["b"]
patch = 8
[model]
name = "toynet"
colors = "y"
width = 5
[model.scheme]
name = "toy"
threshold = 0.3
[train]
steps = 6
batch = 2
checkpoint_steps = 2
[export]
random_checks = 3
"""


@pytest.fixture
def registered() -> Iterator[None]:
    with toys():
        yield


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    """A recipe file with the toys and two small photographs."""
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for name in "ab":
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), np.uint8)).save(tmp_path / "photos" / f"{name}.png")
    path = tmp_path / "toy.toml"
    path.write_text(TOML.format(photos=tmp_path / "photos"))
    return str(path)


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_recipe_to_qonnx(recipe: str, tmp_path: Path) -> None:
    """Recipe, a few steps, saved weights, evaluation, export checked against Brevitas on photographs and noise."""
    config = load_recipe(recipe)
    assert isinstance(config.model, ToyConfig) and config.model.scheme == ToySchemeConfig(threshold=0.3)
    weights = steps.train(config, tmp_path / "train")
    start = zoo.build(config.model).state_dict()
    model = load_trained(weights)
    assert isinstance(model, ToyNet) and model.cfg == config.model
    assert any(not torch.equal(v, start[k]) for k, v in model.state_dict().items()), "it was trained"
    assert [s.name for s in steps.evaluate(weights)] == ["b"]
    path = steps.export(weights, tmp_path / "export", (7, 5))
    golden = np.load(tmp_path / "export" / "model.golden.npz")
    assert golden["sr"].shape == (1, 10, 14)
    assert np.array_equal(execute(onnx.load(path), golden["lr"]), golden["sr"])


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_resume_gives_the_weights_of_an_undisturbed_training(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_recipe(recipe)

    def run(name: str) -> dict[str, Tensor]:
        path = train(config.data, config.model, config.train, tmp_path / name, progress=False)
        return dict(load_trained(path).state_dict())

    wanted, plain, left = run("one"), PatchDataset.batch_at, [4]

    def interrupted(self: PatchDataset, index: int) -> tuple[Tensor, Tensor]:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("two")
    assert (tmp_path / "two" / "checkpoints" / "last.ckpt").is_file()
    got = run("two")
    assert got.keys() == wanted.keys() and all(torch.equal(got[k], v) for k, v in wanted.items())


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "model",
    [
        RECIPE,
        {"name": "toynet", "scale": 3, "scheme": "bnn"},
        {"name": "srresnet", "channels": 6, "blocks": 2, "scheme": "toy"},
    ],
    ids=["toynet-toy", "toynet-bnn", "srresnet-toy"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_weights_export_exactly(model: dict[str, Any], seed: int) -> None:
    """Each toy works with the other one and with the shipped ones."""
    print(f"seed {seed}")
    cfg = zoo.NETWORKS.validate(model)
    torch.manual_seed(seed)
    network = zoo.randomize(zoo.build(cfg), seed).eval()
    channels = cfg.image_channels
    codes = np.random.default_rng(seed).integers(0, 256, (channels, 6, 5), dtype=np.uint8)
    got = execute(to_qonnx(network, channels, 6, 5), codes)
    assert np.array_equal(got, upscale(network, codes))
    assert len(np.unique(got)) > 5, "random weights must not give a flat image"


def test_a_configuration_of_an_unregistered_class_is_refused() -> None:
    with pytest.raises(ValidationError, match="no scheme of that name is registered"):
        zoo.SRResNetConfig(scheme=ToySchemeConfig())
    with toys():
        assert zoo.SRResNetConfig(scheme=ToySchemeConfig()).scheme.name == "toy"


def test_registration_is_undone(tmp_path: Path) -> None:
    networks, known = zoo.NETWORKS.names(), schemes.SCHEMES.names()
    with toys():
        cfg = zoo.NETWORKS.validate(RECIPE)
        save_trained(zoo.build(cfg), tmp_path / "weights.pt")
        assert zoo.NETWORKS.names() == sorted([*networks, "toynet"])
        assert schemes.SCHEMES.names() == sorted([*known, "toy"])
    assert (zoo.NETWORKS.names(), schemes.SCHEMES.names()) == (networks, known)
    with pytest.raises(UserError) as e:
        load_trained(tmp_path / "weights.pt")
    said = str(e.value)
    assert "no network of that name is registered. Registered: edsr, hat_small, lapsrn, " in said
    assert "import the module that registers the network or scheme if it is your own" in said


@pytest.mark.usefixtures("registered")
def test_errors_name_fields_of_the_toys(recipe: str) -> None:
    for field, wanted in {
        "model.scheme.threshold=2": "model.scheme.threshold = 2: input should be less than or equal to 1 (where the "
        "sign changes).",
        "model.scheme.treshold=0": "model.scheme.treshold: unknown field. Did you mean 'threshold'? Fields of "
        "[model.scheme] with name = 'toy': name, threshold.",
        "model.scheme.act_bits=4": "model.scheme.act_bits: unknown field. It is a field of scheme bnn. Fields of "
        "[model.scheme] with name = 'toy': name, threshold.",
        "model.post_body=true": "model.post_body: unknown field. It is a field of network srgan and srresnet. Fields "
        "of [model] with name = 'toynet': name, scale, colors, width, scheme.",
        "model.name=tuynet": "model.name = 'tuynet': no network of that name is registered. Did you mean 'toynet'? "
        f"Registered: {', '.join(zoo.NETWORKS.names())} (network, see quant/zoo).",
    }.items():
        with pytest.raises(UserError) as e:
            load_recipe(recipe, [field])
        assert str(e.value).splitlines()[0] == f"--set {field}: {wanted}"


class _Bare(SchemeConfig):
    """A configuration without a Literal."""


def _incomplete(missing: str) -> type[Any]:
    """The toy unit without one of its parts."""

    class NoForward(BinaryUnit):
        Config: ClassVar[type[SchemeConfig]] = ToySchemeConfig
        has_skip: ClassVar[bool] = False

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)

    class NoConfig(BinaryUnit):
        has_skip: ClassVar[bool] = False
        __init__ = ToyUnit.__init__
        forward = ToyUnit.forward

    class NoSkip(BinaryUnit):
        Config: ClassVar[type[SchemeConfig]] = ToySchemeConfig
        __init__ = ToyUnit.__init__
        forward = ToyUnit.forward

    class NoName(ToyUnit):
        Config: ClassVar[type[SchemeConfig]] = _Bare

    class NoBase(torch.nn.Module):
        Config: ClassVar[type[SchemeConfig]] = ToySchemeConfig
        has_skip: ClassVar[bool] = False

    return {c.__name__: c for c in (NoForward, NoConfig, NoSkip, NoName, NoBase)}[missing]


@pytest.mark.parametrize(
    ("cls", "wanted"),
    [
        ("NoForward", "method forward is missing"),
        ("NoConfig", "class attribute Config, a SchemeConfig, is missing"),
        ("NoSkip", "class attribute has_skip is missing"),
        ("NoName", '_Bare has no field `name: Literal["..."] = "..."`'),
        ("NoBase", "it does not derive from BinaryUnit"),
    ],
)
def test_an_incomplete_scheme_is_refused_when_registered(cls: str, wanted: str) -> None:
    with schemes.SCHEMES.restored():
        with pytest.raises(TypeError) as e:
            schemes.register(_incomplete(cls))
        assert str(e.value) == f"scheme {cls} is incomplete: {wanted}"
        assert "toy" not in schemes.SCHEMES


def test_an_incomplete_network_names_all_that_is_missing() -> None:
    class Nothing(zoo.Network):
        pass

    with zoo.NETWORKS.restored(), pytest.raises(TypeError) as e:
        zoo.register(Nothing)
    assert str(e.value) == (
        "network Nothing is incomplete: method forward is missing; class attribute Config, a NetworkConfig, is missing"
    )


def test_a_name_is_taken_once() -> None:
    class Other(ToyNet):
        class Config(ToyConfig):  # type: ignore[misc]
            name: Literal["srresnet"] = "srresnet"  # type: ignore[assignment]

    with zoo.NETWORKS.restored(), pytest.raises(ValueError) as e:
        zoo.register(Other)
    assert str(e.value) == (
        "network 'srresnet' is registered already, by xnorsr.quant.zoo.srresnet.SRResNet: choose another `name` in "
        "Config"
    )
