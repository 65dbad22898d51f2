"""Recipes: shipped ones load and build their network; what is wrong with one is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from xnorsr.errors import UserError
from xnorsr.flows.config import EstimateConfig, load_recipe, recipe_path, shipped_recipes


def _recipe(tmp_path: Path, text: str) -> str:
    path = tmp_path / "my.toml"
    path.write_text(text)
    return str(path)


def test_demo_is_shipped() -> None:
    assert {"demo", "demo_bnn", "srresnet_w1a1_x2", "srresnet_w1a1_x4", "srresnet_bnn_x2"} <= set(shipped_recipes())


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipe_loads(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.sim.levels


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipe_builds_its_network(name: str) -> None:
    import torch

    from xnorsr.quant.zoo import build

    cfg = load_recipe(name).model
    with torch.no_grad():
        out = build(cfg).eval()(torch.rand(1, cfg.image_channels, 5, 6))
    assert out.shape == (1, cfg.image_channels, 5 * cfg.scale, 6 * cfg.scale)


def test_set_is_typed_and_last_wins() -> None:
    recipe = load_recipe(
        "demo", ["train.steps=7", "train.steps=9", "sim.image=coffee", "hardware.frame=[20, 10]", "out=there"]
    )
    assert recipe.train.steps == 9
    assert recipe.sim.image == "coffee"
    assert recipe.hardware.frame == (20, 10)
    assert recipe.out == "there"


def test_frames_a_second_as_folding(tmp_path: Path) -> None:
    """The shipped large recipes ask for it; it needs the clock."""
    import onnx

    from tests.networks import NetworkSpec, network
    from xnorsr.flows.steps.cost import estimate

    path = tmp_path / "net.onnx"
    onnx.save(network(NetworkSpec()), path)
    cheap = estimate(path, {"folding": "1000fps", "clock_mhz": 10.0}, EstimateConfig()).estimate
    fast = estimate(path, {"folding": "10000fps", "clock_mhz": 10.0}, EstimateConfig()).estimate
    assert 1000 <= cheap.fps < fast.fps
    assert fast.fps >= 10000
    assert cheap.lut < fast.lut


def test_folding_table() -> None:
    recipe = load_recipe("demo", ["hardware.folding={ body_0 = [4, 36] }"])
    assert recipe.hardware.folding == {"body_0": (4, 36)}


def test_unknown_field_names_file_field_and_neighbour(tmp_path: Path) -> None:
    path = _recipe(tmp_path, "[train]\nstep = 3\n")
    with pytest.raises(UserError) as e:
        load_recipe(path)
    text = str(e.value)
    assert f"recipe {path}: train.step: unknown field. Did you mean 'steps'? Fields of [train]: steps," in text


def test_unknown_section(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"modle: unknown field\. Did you mean 'model'\? Fields of a recipe: data, model"
    ):
        load_recipe(_recipe(tmp_path, "[modle]\nscale = 2\n"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[train]\nsteps = "many"\n', r"train\.steps = 'many': input should be a valid integer.*training steps"),
        ("[model]\nscale = 5\n", r"model\.scale = 5: input should be 2, 3 or 4 \(enlargement\)"),
        ("[hardware]\nclock_mhz = -1\n", r"hardware\.clock_mhz = -1: input should be greater than 0"),
        ("[hardware]\nframe = [0, 3]\n", r"hardware\.frame = \[0, 3\]: width and height must be at least 1"),
        ("[hardware]\nfolding = 0\n", r"hardware\.folding = 0: not allowed\. Allowed: cycles a low-resolution pixel, "),
        ('[hardware]\nfolding = "60 frames"\n', r"hardware\.folding = '60 frames': not allowed\. Allowed: .*60fps"),
        ("train = 3\n", r"train = 3: input should be .*"),
    ],
)
def test_ill_typed_field(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(UserError, match=wanted):
        load_recipe(_recipe(tmp_path, text))


def test_override_is_blamed_by_its_flag() -> None:
    with pytest.raises(
        UserError, match=r"^--set train\.steps=many: train\.steps = 'many': input should be a valid int"
    ):
        load_recipe("demo", ["train.steps=many"])
    with pytest.raises(UserError, match=r"^--set train\.stpes=3: train\.stpes: unknown field\. Did you mean 'steps'"):
        load_recipe("demo", ["train.stpes=3"])
    with pytest.raises(UserError, match=r"not of the form section\.field=value"):
        load_recipe("demo", ["train.steps"])
    with pytest.raises(UserError, match=r"'out' is a value, not a section"):
        load_recipe("demo", ["out=x", "out.b=3"])


def test_no_such_recipe() -> None:
    with pytest.raises(UserError, match=r"recipe 'dmo': no such file.* Did you mean 'demo'\? Shipped: demo"):
        recipe_path("dmo")


def test_not_toml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"my\.toml: not valid TOML: .*line 1"):
        load_recipe(_recipe(tmp_path, "train steps"))
