"""The typed configuration of the training side; recipes compose these models.

Every field is validated, unknown fields are refused. No heavy import here, so that reading a recipe is fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

EMBEDDED_HOLDOUT = ("astronaut", "coffee")


class Config(BaseModel):
    """Base of every configuration: unknown fields are errors, values are checked on assignment too."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, validate_default=True)


class DataConfig(Config):
    """Where photographs come from and how patches are cut."""

    source: Literal["embedded"] | list[Path] = Field(
        "embedded",
        description='"embedded": photographs that come with scikit-image and scikit-learn; or a list of folders '
        "of PNG, JPEG, BMP or WebP files (8-bit RGB; grey files are refused unless model.colors is y), or of names of "
        "data sets that `xnorsr data get` fetched",
    )
    holdout: list[str] | None = Field(
        None,
        description="names of images (file name without suffix) kept out of training and used for validation; each "
        f"must exist in the source. Left out: {' and '.join(EMBEDDED_HOLDOUT)} of the embedded ones, none of folders",
    )
    cache: Path | None = Field(
        None,
        description="folder where reduced images are kept for the next training; left out: they are made each time",
    )
    patch: int = Field(32, ge=8, le=256, description="side of a training patch in low-resolution pixels")
    augment: bool = Field(True, description="random flips and quarter turns")

    @field_validator("source", mode="before")
    @classmethod
    def _one_folder(cls, value: object) -> object:
        """A single folder may be written without brackets."""
        return [value] if isinstance(value, str | Path) and value != "embedded" else value

    @field_validator("source")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if value == []:
            raise ValueError("give at least one folder, or 'embedded'")
        return value


class NumericsConfig(Config):
    """Bits of the parameters and of the residual stream; what every binary unit and k-bit convolution is told."""

    weight_bits: int = Field(8, ge=2, le=8, description="bits of the weights of convolutions that are not binary")
    param_bits: int = Field(8, ge=4, le=8, description="bits of each affine's scale and of PReLU slopes")
    bias_bits: int = Field(12, ge=8, le=16, description="bits of biases")
    trunk_bits: int = Field(14, ge=10, le=16, description="bits of the residual stream, sign included")
    trunk_range: float = Field(4.0, description="the residual stream holds [-trunk_range, trunk_range); a power of two")
    deployed: bool = Field(
        True,
        description="true: every value on its grid of a power of two, as hardware computes it; false: the published "
        "float form, without any quantizer but those of the scheme, which cannot be exported",
    )

    @field_validator("trunk_range")
    @classmethod
    def _power_of_two(cls, value: float) -> float:
        if value not in [2.0**k for k in range(-2, 7)]:
            raise ValueError("must be a power of two from 0.25 to 64")
        return value


class SchemeConfig(Config):
    """Base of the schemes' configurations; each declares its `name` as a Literal and adds its own fields."""

    name: str = Field(description="binarization scheme, see quant/schemes")


class NetworkConfig(Config):
    """Base of the networks' configurations: what the flow asks of every network.

    Each declares its `name` as a Literal and adds its own fields.
    """

    name: str = Field(description="network, see quant/zoo")
    scale: Literal[2, 3, 4] = Field(2, description="enlargement")
    colors: Literal["rgb", "y"] = Field("rgb", description="rgb: 3 channels in and out; y: luminance only")

    @property
    def image_channels(self) -> int:
        """Channels of input and output image."""
        return 3 if self.colors == "rgb" else 1


class TrainConfig(Config):
    """How it is trained. The schedule ends at `steps` or at `max_minutes`, whichever comes first."""

    steps: int = Field(3000, ge=1, description="training steps")
    max_minutes: float | None = Field(
        None,
        gt=0,
        description="wall-clock limit, or none; the schedule then runs by the larger of the step and time fractions, "
        "so that it always anneals to its end",
    )
    batch: int = Field(16, ge=1, le=1024, description="patches per step")
    lr: float = Field(2e-3, gt=0, le=1, description="Adam's highest learning rate")
    schedule: Literal["cosine", "step"] = Field("cosine", description="step: halved at 1/2, 3/4, 7/8 and 15/16")
    warmup: float = Field(0.02, ge=0, le=0.5, description="fraction of the training with rising learning rate")
    ema: float = Field(0.0, ge=0, lt=1, description="decay of the averaged weights; 0 turns averaging off")
    latent_lr: float = Field(
        1.0, gt=0, le=100, description="learning rate of latent binary weights over that of everything else"
    )
    clip_latent: float = Field(1.0, gt=0, description="latent binary weights are kept in [-clip_latent, clip_latent]")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Adam's L2 penalty on latent binary weights")
    activation_gradient: Literal["scheme", "identity", "clipped", "polynomial", "annealed"] = Field(
        "scheme",
        description="what stands for the derivative of the activations' sign: scheme, its own; identity, 1; clipped, 1 "
        "where |x| <= 1; polynomial, max(0, 2 - 2|x|) of Bi-Real Net; annealed, from flat to steep as in IR-Net",
    )
    weight_gradient: Literal["scheme", "identity", "clipped", "polynomial", "annealed"] = Field(
        "scheme", description="what stands for the derivative of the weights' sign, as activation_gradient"
    )
    binary_weights: bool = Field(
        True,
        description="false: the first of two trainings, whose binary convolutions have real weights of mean magnitude "
        "1; what it leaves is a start for the second one (--from), not a network to use",
    )
    latent_start: float = Field(1.0, gt=0, le=100, description="factor on the start values of latent binary weights")
    gain_start: float = Field(
        1.0, ge=0, le=100, description="factor on the start values of what scales binary sums; 0: they start at zero"
    )
    teacher: Path | None = Field(
        None, description="weights.pt of a trained network of the same scale and colors to learn from as well"
    )
    distill_output: float = Field(0.0, ge=0, description="weight of the mean |difference| to the teacher's picture")
    distill_features: float = Field(
        0.0,
        ge=0,
        description="weight of the distance of normalized outputs of the body's blocks to the teacher's, which must "
        "have as many and as wide ones",
    )
    seed: int = Field(1, ge=0, lt=1 << 64, description="seed of the initial weights and of the choice of patches")
    workers: int = Field(0, ge=0, le=16, description="loader processes; 0 cuts patches in the training process")
    checkpoint_steps: int = Field(500, ge=1, description="steps between checkpoints")
    validate_steps: int = Field(0, ge=0, description="steps between validations; 0: only at the end")
    threads: int = Field(0, ge=0, le=1024, description="torch threads; 0 leaves torch's default")

    accelerator: Literal["cpu", "gpu"] = Field("cpu", description="cpu or gpu")
    precision: Literal["32", "bf16-mixed", "16-mixed"] = Field(
        "32",
        description="of convolutions and their gradients: 32 bits; bf16-mixed or, on a GPU, 16-mixed with "
        "model.numerics.deployed = false only, as the codes of the deployed form need up to 24 bits",
    )
    devices: int = Field(
        1, ge=1, le=64, description="devices of each machine, a process each, which share every batch; no max_minutes"
    )
    nodes: int = Field(
        1,
        ge=1,
        le=64,
        description="machines with a common folder; each is given the same command, with MASTER_ADDR, MASTER_PORT and "
        "NODE_RANK in its environment",
    )

    @property
    def processes(self) -> int:
        """Of all machines."""
        return self.devices * self.nodes

    @model_validator(mode="after")
    def _shares(self) -> TrainConfig:
        if self.batch % self.processes:
            raise ValueError(
                f"batch = {self.batch} cannot be shared by {self.processes} devices: give a multiple of devices * nodes"
            )
        if self.processes > 1 and self.max_minutes is not None:
            raise ValueError(
                'max_minutes with several devices, whose clocks differ: set steps, and max_minutes to "none"'
            )
        return self

    @model_validator(mode="after")
    def _taught(self) -> TrainConfig:
        weight = self.distill_output or self.distill_features
        if weight and self.teacher is None:
            raise ValueError("distill_output, distill_features: have no effect without teacher; name its weights.pt")
        if self.teacher is not None and not weight:
            raise ValueError("teacher: has no effect without distill_output or distill_features; set one above 0")
        return self

    @field_validator("max_minutes", mode="before")
    @classmethod
    def _no_limit(cls, value: object) -> object:
        """TOML has no null: "none" takes the limit away that a recipe sets."""
        return None if value == "none" else value


class ExportConfig(Config):
    """The QONNX file and its checks; its frame is that of the photograph, or what `xnorsr export --frame` says."""

    random_checks: int = Field(2, ge=1, description="random images that the file is checked on, besides photographs")
    all_outputs: bool = Field(
        False, description="of a network with several outputs, such as LapSRN, keep every one, not the last one alone"
    )
