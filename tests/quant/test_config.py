"""The typed configuration: defaults are valid, everything else is refused by field name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from xnorsr.quant.config import Config, DataConfig, ExportConfig, NumericsConfig, TrainConfig
from xnorsr.quant.schemes import SCHEMES, BNNConfig, W1A1Config
from xnorsr.quant.zoo import NETWORKS, SRResNetConfig

KNOWN = ", ".join(SCHEMES.names())


def test_every_field_is_documented() -> None:
    chosen = [r.config_of(n) for r in (NETWORKS, SCHEMES) for n in r.names()]
    for cls in (DataConfig, NumericsConfig, TrainConfig, ExportConfig, *chosen):
        cls()
        assert all(f.description for f in cls.model_fields.values()), cls


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("bnn", BNNConfig()),
        ({"name": "bnn", "act_bits": 3}, BNNConfig(act_bits=3)),
        ({}, W1A1Config()),
        (BNNConfig(act_bits=2), BNNConfig(act_bits=2)),
    ],
)
def test_a_scheme_is_a_name_or_a_table(value: object, wanted: Config) -> None:
    cfg = SRResNetConfig.model_validate({"scheme": value})
    assert cfg.scheme == wanted
    dumped = cfg.model_dump(mode="json")
    assert dumped["scheme"] == wanted.model_dump(), "no field is lost"
    assert NETWORKS.validate(dumped) == cfg


@pytest.mark.parametrize(
    ("value", "loc", "wanted"),
    [
        ("bn", ("scheme", "name"), f"no scheme of that name is registered. Did you mean 'bnn'? Registered: {KNOWN}"),
        ({"name": 3}, ("scheme", "name"), f"no scheme of that name is registered. Registered: {KNOWN}"),
        ({"name": ["{x}"]}, ("scheme", "name"), f"no scheme of that name is registered. Registered: {KNOWN}"),
        (7, ("scheme",), "give the name of a scheme, or a table with a name"),
        ({"name": "w1a1", "act_bits": 4}, ("scheme", "w1a1", "act_bits"), "Extra inputs are not permitted"),
        ({"name": "bnn", "act_bits": 9}, ("scheme", "bnn", "act_bits"), "Input should be less than or equal to 8"),
    ],
)
def test_a_scheme_that_is_none(value: object, loc: tuple[str, ...], wanted: str) -> None:
    with pytest.raises(ValidationError) as e:
        SRResNetConfig.model_validate({"scheme": value})
    (error,) = e.value.errors()
    assert (error["loc"], error["msg"]) == (loc, wanted)


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (DataConfig, "sauce", "embedded"),
        (DataConfig, "source", []),
        (DataConfig, "patch", 7),
        (SRResNetConfig, "scale", 5),
        (SRResNetConfig, "scheme", "w2a2"),
        (SRResNetConfig, "act_bits", 4),
        (SRResNetConfig, "channels", "many"),
        (SRResNetConfig, "body_kernel", 4),
        (NumericsConfig, "trunk_range", 3.0),
        (NumericsConfig, "weight_bits", 9),
        (W1A1Config, "act_bits", 4),
        (BNNConfig, "act_bits", 9),
        (TrainConfig, "max_minutes", 0),
        (TrainConfig, "ema", 1.0),
        (ExportConfig, "random_checks", 0),
    ],
)
def test_refused(cls: type[Config], field: str, value: object) -> None:
    with pytest.raises(ValidationError) as e:
        cls.model_validate({field: value})
    assert e.value.errors()[0]["loc"][0] == field


def test_one_folder_may_stand_alone() -> None:
    assert DataConfig.model_validate({"source": "some/where"}).source == [Path("some/where")]
    assert DataConfig(source="embedded").source == "embedded"
