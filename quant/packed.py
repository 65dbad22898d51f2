"""A trained network in a small file: binary weights as bits, everything else as it is. Nothing in it is ever run.

The file is a NumPy archive (.npz, not compressed, the same bytes each time) of these arrays:

    format             version of the names of a network's state, as in weights.pt
    config             the network's configuration, JSON in UTF-8, uint8
    bits/NAME          binary weights (O, I, K, K), 1 for +1, eight to a byte, the first in the high bit, uint8
    total/NAME         the sum of their latent magnitudes, one per filter, (O,) float32
    real/NAME          every other tensor of the state

A network reads two things of latent binary weights: their signs, and where its scheme scales by it, the mean magnitude
of each filter. Both are kept, so inference is the same to the last bit. What is lost is how near each weight was to a
change of sign: in a network that was unpacked all weights of a filter are equally far from zero, by their mean.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .layers import BinaryConv
from .learner import FORMAT
from .quantizers import mean_magnitude
from .zoo import Network

SUFFIX = ".npz"
BITS, TOTAL, REAL = "bits/", "total/", "real/"
_DATE = (1980, 1, 1, 0, 0, 0)
_KINDS = ("<f4", "<f8", "<i8", "|b1", "|u1")
_LEAST = 2.0**-14  # mean magnitude of a filter, see `mean_magnitude`


def _binary(model: Network) -> dict[str, Tensor]:
    """Latent weights of every binary convolution, by their names in the state."""
    return {f"{name}.weight": m.weight.detach() for name, m in model.named_modules() if isinstance(m, BinaryConv)}


def _shared(total: Tensor, count: int) -> Tensor:
    """Magnitudes (O, count), float32, whose sum is `total` (O,) exactly, whatever the order of summation.

    All are multiples of the total's last place, and as equal as such multiples can be: each partial sum has at most 24
    significant bits, so no float addition rounds.
    """
    mantissa, exponent = torch.frexp(total.double())
    units = torch.ldexp(mantissa, torch.tensor(24)).long()  # an integer, as total is a float32
    each, rest = units // count, units % count
    shares = each[:, None] + (torch.arange(count) < rest[:, None])
    return torch.ldexp(shares.double(), (exponent - 24)[:, None]).float()


def _total(weight: Tensor) -> Tensor | None:
    """Sum of magnitudes of each filter, (O,) float32, from which `_shared` makes weights of the same mean magnitude.

    None where the mean would be another one: then floats were summed here in another way than it is thought.
    """
    count = weight[0].numel()
    total = weight.detach().cpu().abs().flatten(1).sum(1).clamp_(min=count * _LEAST)
    made = _shared(total, count).reshape(weight.shape)
    return total if torch.equal(mean_magnitude(made), mean_magnitude(weight).cpu()) else None


def packed(model: Network) -> dict[str, Tensor]:
    """The arrays `bits`, `total` and `real` of a network's state, which is not changed."""
    binary, arrays = _binary(model), dict[str, Tensor]()
    for name, value in model.state_dict().items():
        total = _total(value) if name in binary else None
        if total is None:  # of a binary convolution: latent weights are kept as they are
            arrays[REAL + name] = value.detach().cpu()
            continue
        arrays[BITS + name] = torch.from_numpy(np.packbits((value >= 0).flatten().cpu().numpy()))
        arrays[TOTAL + name] = total
    return arrays


def _weights(name: str, like: Tensor, bits: Tensor, total: Tensor) -> Tensor:
    count, filters = like.numel(), like.shape[0]
    if bits.dtype != torch.uint8 or bits.shape != (-(-count // 8),):
        raise ValueError(f"{BITS}{name} is {bits.dtype} {tuple(bits.shape)}, not the bits of {count} weights")
    each = count // filters
    if total.dtype != torch.float32 or total.shape != (filters,) or bool((total < each * _LEAST).any()):
        raise ValueError(f"{TOTAL}{name} is not one float32 of at least {each * _LEAST} for each of {filters} filters")
    flat = np.unpackbits(bits.numpy())
    if flat[count:].any():
        raise ValueError(f"{BITS}{name} has bits behind its last weight")
    signs = torch.from_numpy(flat[:count].astype(np.float32)).mul_(2).sub_(1).reshape(like.shape)
    return signs * _shared(total, each).reshape(like.shape)


def unpacked(model: Network, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network of the same configuration, from what `packed` gave.

    Raises:
        ValueError: an array is missing, too many, of another type or shape, or holds what it cannot hold.
    """
    binary, state, used = _binary(model), dict[str, Tensor](), set[str]()
    for name, like in model.state_dict().items():
        as_bits = name in binary and REAL + name not in arrays
        parts = (BITS + name, TOTAL + name) if as_bits else (REAL + name,)
        missing = [part for part in parts if part not in arrays]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        used.update(parts)
        value = arrays[parts[0]] if not as_bits else _weights(name, like, arrays[BITS + name], arrays[TOTAL + name])
        if value.dtype != like.dtype or value.shape != like.shape:
            raise ValueError(
                f"{REAL}{name} is {value.dtype} {tuple(value.shape)}, not {like.dtype} {tuple(like.shape)}"
            )
        state[name] = value
    extra = sorted(set(arrays) - used)
    if extra:
        raise ValueError(f"{extra[0]} is of no tensor of this network")
    return state


def pack(model: Network) -> bytes:
    """The file of a network; equal networks give equal bytes."""
    config = np.frombuffer(model.cfg.model_dump_json().encode(), np.uint8)
    arrays: dict[str, np.ndarray] = {"format": np.array(FORMAT, np.int64), "config": config}
    arrays |= {name: value.numpy() for name, value in packed(model).items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            part = io.BytesIO()
            np.lib.format.write_array(part, arrays[name], version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _DATE)
            info.create_system = 3  # the same on every system
            archive.writestr(info, part.getvalue())
    return buffer.getvalue()


def read(path: Path) -> dict[str, Any]:
    """{"format", "config", "state_dict"} of a file, the last one as `packed` gives it.

    Raises:
        ValueError: it is no such archive, compressed, or holds something else than plain arrays; zipfile and NumPy have
            further errors of their own.
        OSError: it cannot be read.
    """
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if any(i.compress_type != zipfile.ZIP_STORED for i in infos) or (
            sum(i.file_size for i in infos) > path.stat().st_size
        ):
            raise ValueError("it is compressed")
        for info in infos:
            name = info.filename.removesuffix(".npy")
            if name in arrays or name == info.filename:
                raise ValueError(f"its part {info.filename!r} is there twice, or is no array")
            with archive.open(info) as f:
                array = np.lib.format.read_array(f, allow_pickle=False)
                if f.read(1) or array.dtype.str not in _KINDS:
                    raise ValueError(f"its part {info.filename!r} is no plain array")
            arrays[name] = array
    version, config = arrays.pop("format", None), arrays.pop("config", None)
    if version is None or version.shape != () or version.dtype.kind != "i":
        return {}
    text = None if config is None or config.dtype != np.uint8 else config.tobytes().decode()
    state = {name: torch.from_numpy(array.copy(order="C")) for name, array in arrays.items()}
    return {"format": int(version), "config": text, "state_dict": state}
