"""The typed configuration: defaults are valid, everything else is refused by field name."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from xnorsr.quant.config import Config, DataConfig, ExportConfig, ModelConfig, Scheme, TrainConfig
from xnorsr.quant.layers import SCHEMES


def test_every_field_is_documented() -> None:
    for cls in (DataConfig, ModelConfig, TrainConfig, ExportConfig):
        cls()
        assert all(f.description for f in cls.model_fields.values()), cls


def test_schemes_of_config_and_layers_are_the_same() -> None:
    assert set(get_args(Scheme)) == set(SCHEMES)


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (DataConfig, "sauce", "embedded"),
        (DataConfig, "source", []),
        (DataConfig, "patch", 7),
        (ModelConfig, "scale", 5),
        (ModelConfig, "scheme", "w2a2"),
        (ModelConfig, "act_bits", 9),
        (ModelConfig, "channels", "many"),
        (ModelConfig, "body_kernel", 4),
        (ModelConfig, "trunk_range", 3.0),
        (TrainConfig, "max_minutes", 0),
        (TrainConfig, "precision", "bf16"),
        (TrainConfig, "ema", 1.0),
        (ExportConfig, "height", 2),
    ],
)
def test_refused(cls: type[Config], field: str, value: object) -> None:
    with pytest.raises(ValidationError) as e:
        cls.model_validate({field: value})
    assert e.value.errors()[0]["loc"][0] == field


def test_one_folder_may_stand_alone() -> None:
    assert DataConfig.model_validate({"source": "some/where"}).source == [Path("some/where")]
    assert DataConfig(source="embedded").source == "embedded"
