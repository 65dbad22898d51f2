"""A teacher in training: its term as a plain statement, exact resumes, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.adversarial import AdversarialLearner
from xnorsr.quant.config import DataConfig, NetworkConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, embedded_path, read_photo
from xnorsr.quant.distillation import Teacher, feature_loss, outputs_of, picture_loss
from xnorsr.quant.learner import Learner
from xnorsr.quant.saved import save_trained
from xnorsr.quant.training import load_trained, train
from xnorsr.quant.zoo import NETWORKS

#: Small forms of the networks.
SMALL: dict[str, dict[str, Any]] = {
    "srresnet": {"channels": 4, "blocks": 2},
    "edsr": {"channels": 4, "blocks": 2},
    "rdn": {"channels": 4, "blocks": 2, "layers": 2, "growth": 4},
    "rcan": {"channels": 4, "groups": 2, "blocks": 1, "reduction": 2},
    "lapsrn": {"channels": 4, "depth": 1, "scale": 4},
    "srgan": {"channels": 4, "blocks": 2, "discriminator": 4},
    "swinir_light": {"channels": 4, "groups": 2, "blocks": 1, "heads": 2, "window": 4},
    "hat_small": {"channels": 4, "groups": 2, "blocks": 1, "heads": 2, "window": 4, "features": 4},
}
FULL = {"scheme": "float", "numerics": {"deployed": False}}


def small(name: str = "srresnet", **changes: object) -> NetworkConfig:
    cfg: NetworkConfig = NETWORKS.validate({"name": name, **SMALL[name], **changes})
    return cfg


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    (tmp_path / "photos").mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels[80:144, 100:164]
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "photos" / "a.png")
    return DataConfig(source=[tmp_path / "photos"], patch=8)


def teacher_file(folder: Path, cfg: NetworkConfig, seed: int = 7, name: str = "teacher.pt") -> Path:
    """Weights of a network with random parameters."""
    save_trained(zoo.randomize(zoo.build(cfg), seed), folder / name)
    return folder / name


def settings(teacher: Path | None, **changes: object) -> TrainConfig:
    wanted = {"steps": 8, "batch": 2, "checkpoint_steps": 3, "ema": 0.5, "distill_output": 0.7, **changes}
    return TrainConfig.model_validate({**wanted, "teacher": teacher})


def test_the_feature_loss_compares_unit_vectors() -> None:
    """Against loops over points and images; blind to the features' size, 4 for opposite ones."""
    print("seed 1")
    generator = torch.Generator().manual_seed(1)
    points = [torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(4)]
    student, teacher = points[:2], points[2:]
    distances = []
    for s, t in zip(student, teacher, strict=True):
        for one, other in zip(s, t, strict=True):
            a, b = one.flatten() / (one**2).sum() ** 0.5, other.flatten() / (other**2).sum() ** 0.5
            distances.append(float(((a - b) ** 2).sum()))
    assert float(feature_loss(student, teacher)) == pytest.approx(np.mean(distances), rel=1e-9)
    assert float(feature_loss(student, [3 * s for s in student])) == pytest.approx(0, abs=1e-12)
    assert float(feature_loss(student, [-s for s in student])) == pytest.approx(4)
    zero = torch.zeros(1, 2, 2, 2)
    assert float(feature_loss([zero], [zero])) == 0


def test_the_picture_loss_sums_over_shared_outputs() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 4.0])
    assert float(picture_loss({"sr_x2": a, "sr": b}, {"sr_x2": b, "sr": a})) == 2.5
    assert float(picture_loss({"sr_x2": a, "sr": b}, {"sr": a})) == 1.25


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_loss_is_the_networks_own_and_the_teachers_term(name: str, tmp_path: Path) -> None:
    """In every network, several outputs included; the teacher gets no gradient, the student's parameters do."""
    print("seed 3")
    cfg = small(name)
    student, network = zoo.build(cfg), zoo.randomize(zoo.build(small(name, **FULL)), 3)
    how = settings(tmp_path / "t.pt", distill_output=0.5, distill_features=2.0)
    learner = Learner(student, how, 0.0, Teacher(network, student, how, "digest"))
    generator = torch.Generator().manual_seed(3)
    low, high = (
        torch.rand(2, 3, 8, 8, generator=generator),
        torch.rand(2, 3, 8 * cfg.scale, 8 * cfg.scale, generator=generator),
    )
    student.train()(low)
    student.eval()  # whose statistics stand still
    loss = learner.objective(low, high)
    with torch.no_grad():
        with outputs_of(student.stages()) as mine:
            got = student.outputs(low)
        with outputs_of(network.stages()) as theirs:
            wanted = network.outputs(low)
        assert len(mine) == len(theirs) == 2 and [t.shape for t in mine] == [t.shape for t in theirs]
        pictures = sum(float((got[k] - wanted[k]).abs().mean()) for k in got)
        expected = float(student.loss(low, high)) + 0.5 * pictures + 2 * float(feature_loss(mine, theirs))
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert all(p.grad is None for p in network.parameters()) and not network.training
    assert any(float(p.grad.abs().max()) > 0 for p in student.parameters() if p.grad is not None)
    assert not any(m._forward_hooks for m in [*student.modules(), *network.modules()])
    assert not any("teacher" in key for key in learner.state_dict())


class _PowerCut(Exception):
    """Nothing is written any more."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["srresnet", "lapsrn", pytest.param("srgan", marks=pytest.mark.exhaustive)])
def test_a_resumed_training_ends_with_the_same_weights(
    name: str, data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = small(name)
    teacher = teacher_file(tmp_path, small(name, **FULL))
    how = settings(teacher, distill_features=0.1, activation_gradient="annealed")
    wanted = load_trained(train(data, cfg, how, tmp_path / "one", progress=False)).state_dict()
    plain = PatchDataset.batch_at

    def cut(self: PatchDataset, index: int) -> tuple[Tensor, Tensor]:
        if index == 5:
            raise _PowerCut
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", cut)
    with pytest.raises(_PowerCut):
        train(data, cfg, how, tmp_path / "two", progress=False)
    monkeypatch.setattr(PatchDataset, "batch_at", plain)
    found = load_trained(train(data, cfg, how, tmp_path / "two", progress=False)).state_dict()
    assert wanted.keys() == found.keys() and all(torch.equal(wanted[k], found[k]) for k in wanted)
    content = torch.load(tmp_path / "two" / "checkpoints" / "last.ckpt", weights_only=True)
    assert content["xnorsr_teacher"] == hashlib.sha256(teacher.read_bytes()).hexdigest()
    own = {f"model.{k}" for k in wanted}
    assert {k for k in content["state_dict"] if not k.startswith("discriminator.")} == own
    alone = how.model_copy(update={"teacher": None, "distill_output": 0.0, "distill_features": 0.0})
    other = load_trained(train(data, cfg, alone, tmp_path / "alone", progress=False)).state_dict()
    assert not all(torch.equal(wanted[k], other[k]) for k in wanted), "it teaches something"


@pytest.mark.slow
def test_another_teacher_is_refused_on_resume(data: DataConfig, tmp_path: Path) -> None:
    cfg = small()
    first, second = (teacher_file(tmp_path, small(**FULL), seed, f"{seed}.pt") for seed in (1, 2))
    train(data, cfg, settings(first, steps=1), tmp_path / "out", progress=False)
    checkpoint = tmp_path / "out" / "checkpoints" / "last.ckpt"
    sums = [hashlib.sha256(f.read_bytes()).hexdigest() for f in (first, second)]
    advice = "; train as before, choose another output folder, or train without resuming"
    none = {"distill_output": 0.0}
    for how, text in [
        (settings(second), f"with a teacher of SHA-256 {sums[0]}, train.teacher {second} has {sums[1]}"),
        (settings(None, **none), f"with a teacher of SHA-256 {sums[0]}, no train.teacher is given"),
    ]:
        with pytest.raises(UserError) as e:
            train(data, cfg, how, tmp_path / "out", progress=False)
        assert str(e.value) == f"checkpoint {checkpoint} was trained {text}{advice}"
    first.rename(tmp_path / "moved.pt")
    train(data, cfg, settings(tmp_path / "moved.pt", steps=2), tmp_path / "out", progress=False)
    train(data, cfg, settings(None, steps=1, **none), tmp_path / "alone", progress=False)
    with pytest.raises(UserError, match=f"was trained without a teacher, train.teacher {second} has {sums[1]}"):
        train(data, cfg, settings(second), tmp_path / "alone", progress=False)


def refused(student: NetworkConfig, teacher: NetworkConfig, **changes: object) -> str:
    with pytest.raises(UserError) as e:
        Teacher(zoo.build(teacher), zoo.build(student), settings(Path("t.pt"), **changes), "digest")
    return str(e.value)


def test_teachers_that_do_not_fit_are_refused() -> None:
    end = "; set these fields as there, or name another teacher"
    both = f"{end}, or set train.distill_features to 0"
    start = "train.teacher t.pt: its pictures cannot be compared: "
    assert refused(small(), small(scale=3, colors="y", **FULL)) == (
        f"{start}model.scale (teacher 3, asked for 2), model.colors (teacher y, asked for rgb){end}"
    )
    start = "train.teacher t.pt: its pictures and features cannot be compared: "
    features = {"distill_features": 0.1}
    assert refused(small(), small(channels=6, blocks=3, **FULL), **features) == (
        f"{start}model.channels (teacher 6, asked for 4), model.blocks (teacher 3, asked for 2){both}"
    )
    assert refused(small(), small("rcan", **FULL), **features) == (
        f"{start}model.name (teacher rcan, asked for srresnet), model.blocks (teacher 1, asked for 2){both}"
    )
    Teacher(zoo.build(small("rcan", **FULL)), zoo.build(small()), settings(Path("t.pt")), "picture alone")
    Teacher(zoo.build(small(**FULL)), zoo.build(small("srgan")), settings(Path("t.pt"), **features), "one family")


def test_a_network_that_names_no_parts_has_no_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.SRResNet, "stages", zoo.Network.stages)
    assert refused(small(), small(**FULL), distill_features=0.1) == (
        "train.distill_features: model srresnet does not say what the parts of its body are (Network.stages); set it "
        "to 0 and use train.distill_output, or choose another network"
    )


def test_settings_that_say_nothing_are_refused(data: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="distill_features: have no effect without teacher; name its"):
        TrainConfig.model_validate({"distill_features": 1})
    with pytest.raises(ValidationError, match="has no effect without distill_output or distill_features"):
        TrainConfig.model_validate({"teacher": "weights.pt"})
    for name, text in [("none.pt", "No such file or directory"), ("", "Is a directory")]:
        with pytest.raises(UserError) as e:
            train(data, small(), settings(tmp_path / name), tmp_path / "out", progress=False)
        assert str(e.value) == f"train.teacher {tmp_path / name}: {text}; name the weights.pt of a trained network"
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(UserError, match=r"text.pt cannot be read, it is damaged or of another program"):
        train(data, small(), settings(tmp_path / "text.pt"), tmp_path / "out", progress=False)


def test_srgans_generator_has_the_teachers_term(data: DataConfig, tmp_path: Path) -> None:
    """After one step at a tiny rate, each parameter of the generator moved against the whole loss's gradient."""
    cfg = small("srgan", adversarial=0.0)
    network = load_trained(teacher_file(tmp_path, small(**FULL)))
    how = settings(tmp_path / "teacher.pt", steps=1, lr=1e-4, warmup=0, ema=0.0, distill_output=30.0)
    train(data, cfg, how, tmp_path / "out", progress=False)
    content = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    torch.manual_seed(how.seed)
    start = AdversarialLearner(zoo.build(cfg), how, 0.0, None)  # type: ignore[arg-type]
    photo = read_photo(Path(str(data.source[0])) / "a.png")
    low, high = PatchDataset([photo], data, 2, "rgb", 2, how.seed).batch_at(0)
    made = start.model.train()(low)
    (start.content[0](made, high) + 30 * (made - network(low)).abs().mean()).backward()
    for name, p in start.model.named_parameters():
        moved = p.detach() - content["state_dict"][f"model.{name}"]
        sure = p.grad.abs() > 1e-4
        assert torch.equal(moved[sure].sign(), p.grad[sure].sign()), name


def test_the_course_is_kept(data: DataConfig, tmp_path: Path) -> None:
    how = settings(teacher_file(tmp_path, small(**FULL)), steps=3)
    train(data, small(), how, tmp_path / "out", progress=False)
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    assert len(told["loss"]) == 3 and told["processor_minutes"] > 0
