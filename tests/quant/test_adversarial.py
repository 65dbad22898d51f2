"""SRGAN: its losses as plain statements, and a training with two optimizers that counts, resumes and exports."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor
from torch.nn import functional as F

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.adversarial import AdversarialLearner, Discriminator, GradientContent, VGGContent
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, embedded_path, read_photo
from xnorsr.quant.export import execute, to_qonnx
from xnorsr.quant.inference import upscale
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import SRGAN, SRGANConfig

MODEL = SRGANConfig(channels=4, blocks=1, discriminator=4)
TRAIN = TrainConfig(steps=8, batch=2, checkpoint_steps=3, lr=5e-3, warmup=0)


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    (tmp_path / "photos").mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels[80:120, 100:140]
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    return DataConfig(source=[tmp_path / "photos"], patch=12)


def images(seed: int, channels: int = 3, side: int = 32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, channels, side, side, generator=generator), torch.rand(
        2, channels, side, side, generator=generator
    )


def test_gradient_content() -> None:
    print("seed 1")
    got, wanted = images(1)
    e = got - wanted
    across, down = e[..., 1:] - e[..., :-1], e[..., 1:, :] - e[..., :-1, :]
    expected = e.abs().mean() + across.abs().mean() + down.abs().mean()
    torch.testing.assert_close(GradientContent()(got, wanted), expected)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 1])
def test_vgg_content_is_that_of_the_file(tmp_path: Path, channels: int) -> None:
    """Against a plain walk through the state dict, whose names and shapes are torchvision's."""
    print("seed 2")
    places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    widths = [3, 64, 64, 128, 128, *[256] * 4, *[512] * 8]
    generator = torch.Generator().manual_seed(2)
    state = {"classifier.0.weight": torch.zeros(1)}
    for place, cin, cout in zip(places, widths[:-1], widths[1:], strict=True):
        state[f"features.{place}.weight"] = torch.randn(cout, cin, 3, 3, generator=generator) * (cin * 4.5) ** -0.5
        state[f"features.{place}.bias"] = torch.randn(cout, generator=generator) * 0.1
    torch.save(state, tmp_path / "vgg19.pth")

    def plain(image: Tensor) -> Tensor:
        x = image.repeat(1, 3 // channels, 1, 1)
        x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
            :, None, None
        ]
        for place in range(36):
            if place in places:
                x = F.relu(F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1))
            elif place in (4, 9, 18, 27):
                x = F.max_pool2d(x, 2)
        return x / 12.75

    got, wanted = images(2, channels)
    content = VGGContent(tmp_path / "vgg19.pth")
    torch.testing.assert_close(content(got, wanted), ((plain(got) - plain(wanted)) ** 2).mean())
    assert float(content(got, got)) == 0 and not any(p.requires_grad for p in content.parameters())


def test_vgg_files_that_are_none(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(print))
    for name in ("other.pth", "text.pth", "code.pth", "missing.pth"):
        cfg = MODEL.model_copy(update={"content": "vgg", "vgg": tmp_path / name})
        with pytest.raises(UserError) as e:
            AdversarialLearner(SRGAN(cfg), TRAIN, 0.0)
        assert str(e.value).startswith(f"model.vgg {tmp_path / name}: cannot be read as torchvision's vgg19 (")
        assert "weights_only" not in str(e.value)
        assert str(e.value).endswith("; name the file of its state dict, or set model.content to gradient")
    with pytest.raises(ValidationError, match="content = vgg needs a file; name one, or set content to gradient"):
        SRGANConfig.model_validate({"content": "vgg"})


def test_the_discriminator_has_the_published_layers() -> None:
    made = Discriminator(3, 64)
    convolutions = [(m.in_channels, m.out_channels, m.stride[0]) for m in made if isinstance(m, torch.nn.Conv2d)]
    assert convolutions == [
        (3, 64, 1), (64, 64, 2), (64, 128, 1), (128, 128, 2), (128, 256, 1), (256, 256, 2), (256, 512, 1),
        (512, 512, 2), (512, 1024, 1), (1024, 1, 1),
    ]  # fmt: skip
    assert Discriminator(1, 4)(torch.zeros(2, 1, 24, 20)).shape == (2, 1, 1, 1)


@pytest.mark.slow
def test_one_step_is_that_of_the_two_losses(data: DataConfig, tmp_path: Path) -> None:
    """Both networks after one step of Adam at a tiny rate: each parameter moves against its own loss's gradient."""
    cfg = MODEL.model_copy(update={"adversarial": 0.5})
    train(data, cfg, TRAIN.model_copy(update={"steps": 1, "schedule": "step"}), tmp_path / "out", progress=False)
    state = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    torch.manual_seed(TRAIN.seed)
    start = AdversarialLearner(SRGAN(cfg), TRAIN, 0.0)
    photo = read_photo(Path(str(data.source[0])) / "a.png")
    low, high = PatchDataset([photo], data, 2, "rgb", 2, TRAIN.seed).batch_at(0)
    made, judge = start.model.train()(low), start.discriminator.train()
    told = judge(torch.cat([high, made.detach()])).flatten()
    (F.softplus(-told[:2]).mean() / 2 + F.softplus(told[2:]).mean() / 2).backward()
    with torch.no_grad():
        for name, p in judge.named_parameters():
            moved = p - state["state_dict"][f"discriminator.{name}"]
            sure = p.grad.abs() > 1e-5
            assert torch.equal(moved[sure].sign(), p.grad[sure].sign()), name
            p.copy_(state["state_dict"][f"discriminator.{name}"])
    loss = GradientContent()(made, high) + 0.5 * F.softplus(-judge(made)).mean()
    loss.backward()
    for name, p in start.model.named_parameters():
        if "conv.weight" in name and "blocks" in name:
            continue  # Latent weights are clipped and may not move as far.
        moved = p.detach() - state["state_dict"][f"model.{name}"]
        sure = p.grad.abs() > 1e-5
        assert torch.equal(moved[sure].sign(), p.grad[sure].sign()), name


@pytest.mark.slow
def test_it_trains_counts_resumes_and_exports(
    data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = TRAIN.model_copy(update={"steps": 50})
    train(data, MODEL, longer, tmp_path / "long", progress=False)
    log = EventAccumulator(str(tmp_path / "long" / "log"))
    log.Reload()
    assert {"loss", "discriminator", "adversarial"} <= set(log.Tags()["scalars"])
    state = torch.load(tmp_path / "long" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 50, "steps of the generator alone count"
    assert len(state["optimizer_states"]) == 2
    model = load_trained(tmp_path / "long" / "weights.pt")
    torch.manual_seed(TRAIN.seed)
    photo = read_photo(Path(str(data.source[0])) / "a.png")
    low, high = PatchDataset([photo], data, 2, "rgb", 4, 9).batch_at(0)
    start = zoo.build(MODEL)
    start.train()(low)
    assert float(GradientContent()(model(low), high)) < float(GradientContent()(start.eval()(low), high))

    wanted = load_trained(train(data, MODEL, TRAIN, tmp_path / "one", progress=False)).state_dict()
    plain = PatchDataset.batch_at

    def stops(self: PatchDataset, index: int) -> tuple[Tensor, Tensor]:
        if index == 4:
            raise KeyboardInterrupt
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", stops)
    with pytest.raises(KeyboardInterrupt):
        train(data, MODEL, TRAIN, tmp_path / "two", progress=False)
    monkeypatch.setattr(PatchDataset, "batch_at", plain)
    resumed = load_trained(train(data, MODEL, TRAIN, tmp_path / "two", progress=False)).state_dict()
    assert [k for k in wanted if not torch.equal(resumed[k], wanted[k])] == []
    noise = np.random.default_rng(3).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    assert np.array_equal(execute(to_qonnx(model, 3, 5, 4), noise), upscale(model, noise))
