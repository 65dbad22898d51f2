"""Training: it learns, stops in time, resumes exactly, and says what is wrong."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xnorsr.errors import UserError
from xnorsr.quant import zoo
from xnorsr.quant.config import DataConfig, TrainConfig
from xnorsr.quant.data import PatchDataset, embedded_path, read_photo
from xnorsr.quant.progress import COURSE
from xnorsr.quant.schemes import SCHEMES, BNNConfig
from xnorsr.quant.training import evaluate, learning_rate, load_trained, save_trained, train
from xnorsr.quant.zoo import SRResNetConfig

MODEL = SRResNetConfig(channels=6, blocks=1)


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    """Two cuts of a photograph, one held out."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = read_photo(embedded_path("coffee")).pixels
    for i, name in enumerate("ab"):
        Image.fromarray(np.ascontiguousarray(pixels[80:160, 100 + 90 * i : 180 + 90 * i])).save(folder / f"{name}.png")
    return DataConfig(source=[folder], holdout=["b"], patch=12)


def config(**changes: object) -> TrainConfig:
    """A short training."""
    return TrainConfig.model_validate({"steps": 8, "batch": 2, "checkpoint_steps": 3, **changes})


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_trained(path).state_dict())


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.slow
def test_it_learns_and_logs(data: DataConfig, tmp_path: Path) -> None:
    path = train(data, MODEL, config(steps=60, batch=4, validate_steps=30, ema=0.9), tmp_path / "out", progress=False)
    log = EventAccumulator(str(tmp_path / "out" / "log"))
    log.Reload()
    assert {"loss", "lr", "psnr_y", "bicubic_psnr_y"} <= set(log.Tags()["scalars"])
    assert [e.step for e in log.Scalars("psnr_y")] == [30, 60, 60]
    photos = [read_photo(embedded_path("coffee"))]
    start = zoo.build(MODEL)
    before, after = (evaluate(m, photos, 2, "rgb")["psnr_y"] for m in (start, load_trained(path)))
    assert after > before + 0.3


class _PowerCut(Exception):
    """Nothing is written any more."""


@pytest.mark.slow
@pytest.mark.parametrize("end", [KeyboardInterrupt, _PowerCut])
@pytest.mark.parametrize("scheme", ["w1a1", "bnn"])
def test_interrupt_and_resume_give_the_same_weights(
    scheme: str, end: type[BaseException], data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, or a power cut, in step 6 of 8; the second call goes on at the last checkpoint, and ends with the weights
    of an undisturbed training. Weights are clipped hard and averaged, so that a step's end counts."""
    how = config(ema=0.5, clip_latent=0.01)
    model = MODEL.model_copy(update={"scheme": SCHEMES.validate(scheme)})
    undisturbed = weights(train(data, model, how, tmp_path / "one", progress=False))
    handler = signal.getsignal(signal.SIGINT)  # a shell's background job ignores Ctrl-C
    plain = PatchDataset.batch_at
    seen: list[int] = []

    def interrupted(self: PatchDataset, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(index)
        if index == 5 and len(seen) < 8:
            raise end
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", interrupted)
    with pytest.raises(end):
        train(data, model, how, tmp_path / "two", progress=False)
    assert signal.getsignal(signal.SIGINT) == handler
    assert not (tmp_path / "two" / "weights.pt").exists()
    seen.extend([-1] * 8)
    resumed = weights(train(data, model, how, tmp_path / "two", progress=False))
    at = next(i for i in seen[seen.index(-1) :] if i >= 0)
    assert at in ((4, 5) if end is KeyboardInterrupt else (3,)), "it does not start over"
    assert same(undisturbed, resumed)
    courses = [json.loads((tmp_path / name / COURSE).read_text()) for name in ("one", "two")]
    assert courses[0]["loss"] == courses[1]["loss"] and len(courses[0]["loss"]) == 8
    fresh = train(data, model, how, tmp_path / "two", resume=False, progress=False)
    assert same(undisturbed, weights(fresh))


def test_sigterm_leaves_a_checkpoint(data: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = PatchDataset.batch_at

    def killed(self: PatchDataset, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(self, index)

    monkeypatch.setattr(PatchDataset, "batch_at", killed)
    with pytest.raises(SystemExit):
        train(data, MODEL, config(checkpoint_steps=100), tmp_path / "out", progress=False)
    state = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] in (4, 5, 6)


def test_a_finished_training_stays_as_it_is(data: DataConfig, tmp_path: Path) -> None:
    first = weights(train(data, MODEL, config(), tmp_path / "out", progress=False))
    again = weights(train(data, MODEL, config(), tmp_path / "out", progress=False))
    more = weights(train(data, MODEL, config(steps=10), tmp_path / "out", progress=False))
    assert same(first, again) and not same(first, more)


def test_another_architecture_is_refused(data: DataConfig, tmp_path: Path) -> None:
    train(data, MODEL, config(steps=1), tmp_path / "out", progress=False)
    other = MODEL.model_copy(update={"channels": 8, "scheme": BNNConfig()})
    with pytest.raises(UserError) as e:
        train(data, other, config(), tmp_path / "out", progress=False)
    path = tmp_path / "out" / "checkpoints" / "last.ckpt"
    assert str(e.value) == (
        f"checkpoint {path} is of another architecture: model.scheme.name (checkpoint w1a1, asked for bnn), "
        "model.channels (checkpoint 6, asked for 8), model.scheme.act_bits (checkpoint without it, asked for 8), "
        "model.scheme.real_activations (checkpoint without it, asked for False); set these fields as in the "
        "checkpoint, choose another output folder, or train without resuming"
    )


def test_a_checkpoint_older_than_a_field_goes_on(data: DataConfig, tmp_path: Path) -> None:
    """A field that a version adds has its default in what earlier versions wrote."""
    train(data, MODEL, config(steps=2), tmp_path / "out", progress=False)
    checkpoint = tmp_path / "out" / "checkpoints" / "last.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    table = json.loads(content["xnorsr_model"])
    del table["numerics"]["deployed"]
    torch.save({**content, "xnorsr_model": json.dumps(table)}, checkpoint)
    train(data, MODEL, config(steps=3), tmp_path / "out", progress=False)
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 3
    table["numerics"]["trunk_bits"] = 12
    torch.save({**content, "xnorsr_model": json.dumps(table)}, checkpoint)
    with pytest.raises(
        UserError, match=r"another architecture: model\.numerics\.trunk_bits \(checkpoint 12, asked for 14\);"
    ):
        train(data, MODEL, config(steps=3), tmp_path / "out", progress=False)


def test_damaged_files(data: DataConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = train(data, MODEL, config(steps=1), out, progress=False)
    for file, what, call in [
        (out / "checkpoints" / "last.ckpt", "checkpoint", lambda: train(data, MODEL, config(), out, progress=False)),
        (path, "weights file", lambda: load_trained(path)),
    ]:
        file.write_bytes(file.read_bytes()[:1000])
        with pytest.raises(UserError, match=f"^{what} {file} cannot be read, it is damaged or of another program \\("):
            call()
    path.unlink()
    with pytest.raises(UserError) as e:
        load_trained(path)
    assert str(e.value) == f"weights file {path} does not exist; train first, or name another file"
    torch.save({"weights": 1}, path)
    with pytest.raises(
        UserError, match=r"is not of this program; name the output folder or weights\.pt of a training$"
    ):
        load_trained(path)
    save_trained(zoo.build(MODEL), path)
    content = torch.load(path)
    content["state_dict"].pop("head.bias.weight")
    torch.save(content, path)
    with pytest.raises(UserError, match="does not fit this version's networks"):
        load_trained(path)


def test_files_of_another_format(data: DataConfig, tmp_path: Path) -> None:
    """Format 1 had flat configurations; its checkpoints did not say their format."""
    out = tmp_path / "out"
    path = train(data, MODEL, config(steps=1), out, progress=False)
    advice = "train again with this version into another output folder, or use the version that wrote it"
    torch.save({**torch.load(path), "format": 1}, path)
    with pytest.raises(UserError) as e:
        load_trained(path)
    assert str(e.value) == f"weights file {path} is of format 1, this version reads format 2: {advice}"
    checkpoint = out / "checkpoints" / "last.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    assert content.pop("xnorsr_format") == 2
    content["xnorsr_model"] = '{"name": "srresnet", "scheme": "w1a1"}'
    torch.save(content, checkpoint)
    with pytest.raises(UserError) as e:
        train(data, MODEL, config(), out, progress=False)
    assert str(e.value) == f"checkpoint {checkpoint} is of format 1, this version reads format 2: {advice}"
    torch.save({"global_step": 3}, checkpoint)
    with pytest.raises(UserError, match="is not of this program"):
        train(data, MODEL, config(), out, progress=False)


def test_validation_without_photographs_is_refused(data: DataConfig, tmp_path: Path) -> None:
    alone = data.model_copy(update={"holdout": []})
    with pytest.raises(UserError) as e:
        train(alone, MODEL, config(validate_steps=2), tmp_path / "out", progress=False)
    assert str(e.value) == (
        "train.validate_steps = 2: no photograph is held out to validate on; name some in data.holdout, or set "
        "train.validate_steps to 0"
    )


def test_unwritable_folder(data: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^cannot write into .*file: .*; choose another output folder$"):
        train(data, MODEL, config(), tmp_path / "file", progress=False)


@pytest.mark.slow
def test_time_limit_ends_the_schedule_too(data: DataConfig, tmp_path: Path) -> None:
    """A training that could run for days stops after its minute fraction, with the learning rate annealed."""
    train(data, MODEL, config(steps=10**7, max_minutes=0.1, batch=1), tmp_path / "out", progress=False)
    state = torch.load(tmp_path / "out" / "checkpoints" / "last.ckpt", weights_only=True)
    assert 6 <= state["xnorsr_elapsed"] < 20 and state["global_step"] < 10**5
    assert state["optimizer_states"][0]["param_groups"][0]["lr"] < 0.2 * TrainConfig().lr


def test_learning_rates() -> None:
    cosine = TrainConfig(lr=1e-3, warmup=0.1)
    assert learning_rate(cosine, 0.0) < 1e-5 and learning_rate(cosine, 1.0) == 0
    assert learning_rate(cosine, 0.1) == pytest.approx(1e-3, rel=0.05)
    assert learning_rate(cosine, 0.5) == pytest.approx(5e-4)
    step = TrainConfig(lr=1e-3, schedule="step", warmup=0)
    rates = [learning_rate(step, p) for p in (0.49, 0.5, 0.75, 0.875, 0.9375, 1.0)]
    assert rates == pytest.approx([1e-3, 5e-4, 2.5e-4, 1.25e-4, 6.25e-5, 6.25e-5])


def test_latent_weights_stay_clipped(data: DataConfig, tmp_path: Path) -> None:
    path = train(data, MODEL, config(steps=3, lr=0.5, warmup=0, clip_latent=0.25), tmp_path / "out", progress=False)
    latent = [v for k, v in weights(path).items() if "blocks" in k and k.endswith("conv.weight")]
    assert latent and max(float(v.abs().max()) for v in latent) == 0.25


def test_latent_weights_may_learn_at_another_rate(data: DataConfig, tmp_path: Path) -> None:
    """With a rate of nearly zero they stay where they began, and everything else moves."""
    how = config(steps=4, latent_lr=1e-6, checkpoint_steps=2)
    found = weights(train(data, MODEL, how, tmp_path / "one", progress=False))
    torch.manual_seed(how.seed)
    start = zoo.build(MODEL).state_dict()
    moved = {k: float((found[k] - v).abs().max()) for k, v in start.items() if v.is_floating_point()}
    latent = [k for k in moved if k.endswith(("first.conv.weight", "second.conv.weight"))]
    assert len(latent) == 2 and max(moved[k] for k in latent) < 1e-7
    assert moved["head.conv.weight"] > 1e-4
