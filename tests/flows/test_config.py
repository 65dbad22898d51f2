"""Recipes: shipped ones load and build their network; what is wrong with one is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from xnorsr.errors import UserError
from xnorsr.flows.config import EstimateConfig, Recipe, load_recipe, recipe_path, shipped_recipes
from xnorsr.flows.hardware_options import HardwareOptions
from xnorsr.flows.opening import check_hardware
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.zoo import NETWORKS


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


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipe_builds_its_network(name: str) -> None:
    import torch

    from xnorsr.quant.zoo import build

    cfg = load_recipe(name).model
    with torch.no_grad():
        out = build(cfg).eval()(torch.rand(1, cfg.image_channels, 5, 6))
    assert out.shape == (1, cfg.image_channels, 5 * cfg.scale, 6 * cfg.scale)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scales_small", "rcan_small", "bnn_small"])
def test_a_run_of_a_shipped_recipe_may_begin(name: str) -> None:
    """Nothing is refused before the training: not a network, either, whose constants belong to one frame."""
    check_hardware(load_recipe(name), (12, 10))


def test_set_is_typed_and_last_wins() -> None:
    recipe = load_recipe(
        "demo", ["train.steps=7", "train.steps=9", "sim.image=coffee", "hardware.frame=[20, 10]", "out=there"]
    )
    assert recipe.train.steps == 9
    assert recipe.sim.image == "coffee"
    assert recipe.hardware.frame == (20, 10)
    assert recipe.out == "there"


def test_frames_per_second_as_folding(tmp_path: Path) -> None:
    """The shipped large recipes ask for it; it needs the clock."""
    import onnx

    from tests.networks import NetworkSpec, network
    from xnorsr.flows.steps.cost import estimate

    path = tmp_path / "net.onnx"
    onnx.save(network(NetworkSpec()), path)
    cheap, fast = (
        estimate(path, HardwareOptions({"folding": fps, "clock_mhz": 10.0}), EstimateConfig()).estimate
        for fps in ("1000fps", "10000fps")
    )
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
        ("[hardware]\nclock_mhz = -1\n", r"hardware\.clock_mhz = -1: input should be greater than or equal to 0\.1"),
        ("[hardware]\nframe = [0, 3]\n", r"hardware\.frame = \[0, 3\]: width and height must be at least 1"),
        (
            "[hardware]\nfolding = 0\n",
            r"hardware\.folding = 0: not allowed\. Allowed: cycles per low-resolution pixel",
        ),
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
    for first, then, name in (
        ("out=x", "out.b=3", "out"),
        ("model.skip=nearest", "model.skip.x=1", "skip"),
        ("model.scheme=bnn", "model.scheme.act_bits.x=1", "act_bits"),
    ):
        with pytest.raises(UserError) as e:
            load_recipe("demo_bnn", [first, "model.scheme.act_bits=2", then])
        assert str(e.value) == f"--set {then}: {name!r} is a value, not a section"


@pytest.mark.parametrize(
    ("text", "sets", "wanted"),
    [
        ('[model]\nscheme = "bnn"\n', [], {"name": "bnn", "act_bits": 8}),
        ('[model]\nscheme = "bnn"\n', ["model.scheme.act_bits=4"], {"name": "bnn", "act_bits": 4}),
        ('[model.scheme]\nname = "bnn"\nact_bits = 3\n', [], {"name": "bnn", "act_bits": 3}),
        ('[model.scheme]\nname = "bnn"\nact_bits = 3\n', ["model.scheme=w1a1"], {"name": "w1a1"}),
        ("", ["model.scheme=bnn", "model.scheme.act_bits=2"], {"name": "bnn", "act_bits": 2}),
        ('model = "srresnet"\n', ["model.scheme.name=bnn"], {"name": "bnn", "act_bits": 8}),
        ("", [], {"name": "w1a1"}),
    ],
)
def test_scheme_by_name_or_by_table(tmp_path: Path, text: str, sets: list[str], wanted: dict[str, object]) -> None:
    recipe = load_recipe(_recipe(tmp_path, text), sets)
    dumped = recipe.model_dump(mode="json")
    if wanted["name"] == "bnn":
        wanted = {**wanted, "real_activations": False}
    assert (dumped["model"]["name"], dumped["model"]["scheme"]) == ("srresnet", wanted)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        (
            "model.scheme=w2a2",
            "model.scheme.name = 'w2a2': no scheme of that name is registered. Registered: "
            f"{', '.join(SCHEMES.names())} (binarization scheme, see quant/schemes).",
        ),
        (
            "model.name=srresnt",
            "model.name = 'srresnt': no network of that name is registered. Did you mean 'srresnet'? Registered: "
            f"{', '.join(NETWORKS.names())} (network, see quant/zoo).",
        ),
        (
            "model.scheme.act_bits=4",
            "model.scheme.act_bits: unknown field. It is a field of scheme bnn. Fields of [model.scheme] with name = "
            "'w1a1': name.",
        ),
        ("model.act_bits=4", "model.act_bits: unknown field. It is a field of [model.scheme], with name = 'bnn'. Fi"),
        ("model.trunk_bits=12", "model.trunk_bits: unknown field. It is a field of [model.numerics]. Fields of [model"),
        ("channels=12", "channels: unknown field. It is a field of [model], with name = 'srresnet'. Fields of a reci"),
        (
            "model.numerics.trunc_bits=12",
            "model.numerics.trunc_bits: unknown field. Did you mean 'trunk_bits'? Fields of [model.numerics]: "
            "weight_bits, param_bits, bias_bits, trunk_bits, trunk_range, deployed.",
        ),
        (
            "model.numerics.trunk_range=3",
            "model.numerics.trunk_range = 3: must be a power of two from 0.25 to 64 (the residual stream holds ",
        ),
        ("model=3", "model = 3: give the name of a network, or a table with a name ("),
        ("export.height=64", "export.height: unknown field. Fields of [export]: random_checks, all_outputs."),
    ],
)
def test_nested_choices_are_explained(sets: str, wanted: str) -> None:
    with pytest.raises(UserError) as e:
        load_recipe("demo", [sets])
    assert str(e.value).startswith(f"--set {sets}: {wanted}")


def test_a_chosen_table_is_explained_by_its_file(tmp_path: Path) -> None:
    path = _recipe(tmp_path, '[model.scheme]\nname = "bnn"\nact_bits = 9\nbits = 3\n')
    with pytest.raises(UserError) as e:
        load_recipe(path, ["model.scale=3"])
    assert str(e.value).splitlines() == [
        f"recipe {path}: model.scheme.act_bits = 9: input should be less than or equal to 8 (bits of the activations "
        "that the binary convolutions read).",
        f"recipe {path}: model.scheme.bits: unknown field. Did you mean 'act_bits'? Fields of [model.scheme] with name "
        "= 'bnn': name, act_bits, real_activations.",
    ]


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        (
            ["sim.levels=['hls']", "sim.waves=true"],
            "--set sim.waves=true: sim.waves has no effect without the level rtl. Add 'rtl' to sim.levels, or leave "
            "sim.waves out.",
        ),
        (
            ["hardware.frame=[8, 9]", "sim.crop=[8, 9]"],
            "--set sim.crop=[8, 9]: sim.crop has no effect beside hardware.frame, which says already how much of the "
            "photograph is taken. Leave one of them out.",
        ),
        (
            ["estimate.synth=false", "estimate.family=xcu"],
            "--set estimate.family=xcu: estimate.family has no effect without Yosys. Set estimate.synth = true, or "
            "leave estimate.family out.",
        ),
    ],
)
def test_a_field_without_effect_is_refused(sets: list[str], wanted: str) -> None:
    with pytest.raises(UserError) as e:
        load_recipe("demo", sets)
    assert str(e.value) == wanted
    assert load_recipe("demo", sets[1:] if "synth" in sets[0] else sets[:1]).sim.levels


def test_all_fields_without_effect_are_named_with_the_file(tmp_path: Path) -> None:
    path = _recipe(tmp_path, '[sim]\nlevels = ["hls"]\nwaves = true\ncrop = [4, 4]\n[hardware]\nframe = [4, 4]\n')
    with pytest.raises(UserError) as e:
        load_recipe(path)
    assert [line.split(" has no effect")[0] for line in str(e.value).splitlines()] == [
        f"recipe {path}: sim.waves",
        f"recipe {path}: sim.crop",
    ]


def test_no_such_recipe() -> None:
    with pytest.raises(
        UserError, match=r"recipe 'dmo': no such file.* Did you mean 'demo'\? Shipped: bnn_small, demo, "
    ):
        recipe_path("dmo")


def test_not_toml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"my\.toml: not valid TOML: .*line 1"):
        load_recipe(_recipe(tmp_path, "train steps"))
