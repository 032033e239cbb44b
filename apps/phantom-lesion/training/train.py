"""Trains phantom-lesion's network on Gantry's own phantoms, and writes model.onnx.

    python -m venv v && v/bin/pip install -r requirements.txt
    v/bin/python train.py GANTRY WORK MODEL.onnx

GANTRY is the program, WORK a folder for phantoms (made if they are not there). Seeds from 1001 are learnt from; seeds
1 to 200 are never seen here. The same machine, thread count and versions give the same model.
"""
import pathlib
import subprocess
import sys
import time

import numpy as np
import onnx
import pydicom
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage
from torch import nn
from torch.nn import functional

SEED = 20261201
FIRST_SEED, PHANTOMS, OTHERS = 1001, 64, 4
# As app.toml has it: mm, and the range of HU that becomes 0 to 1.
SPACING, LOW, HIGH = 2.0, -1000.0, 400.0
PATCH, BATCH, STEPS = (48, 64, 64), 3, 1300
CHANNELS = (8, 16, 32)


def phantom(program, folder, kind, seed):
    """Values on the network's grid, and for each class (none, lesion, lung) the share of each voxel."""
    cache = folder / f"{kind}-{seed}.npz"
    if not cache.exists():
        study = folder / f"{kind}-{seed}"
        subprocess.run([program, "phantom", "--kind", kind, "--seed", str(seed), "-o", study], check=True,
                       stdout=subprocess.DEVNULL)
        images = [pydicom.dcmread(path) for path in (study / "study").iterdir()]
        images.sort(key=lambda image: image.ImagePositionPatient[2])
        hu = np.stack([image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept) for image in images])
        distance = (images[-1].ImagePositionPatient[2] - images[0].ImagePositionPatient[2]) / (len(images) - 1)
        spacing = np.array([distance, *map(float, images[0].PixelSpacing)])
        raw = (study / "truth.nrrd").read_bytes()
        labels = np.frombuffer(raw[raw.index(b"\n\n") + 2:], np.uint8).reshape(hu.shape)
        # The middles of both grids coincide, and the network's reaches the outermost voxels.
        extents = [int(np.ceil((n - 1) * s / SPACING - 1e-6)) + 1 for n, s in zip(hu.shape, spacing)]
        axes = [(np.arange(e) - (e - 1) / 2) * SPACING / s + (n - 1) / 2 for e, s, n in zip(extents, spacing, hu.shape)]
        places = np.meshgrid(*axes, indexing="ij")

        def resampled(values):
            return ndimage.map_coordinates(values.astype(np.float32), places, order=1, mode="nearest")

        values = np.clip((resampled(hu) - LOW) / (HIGH - LOW), 0, 1)
        lesion, lung = resampled(labels == 4), resampled((labels == 1) | (labels == 2))
        np.savez_compressed(cache, values=values.astype(np.float16), lesion=lesion.astype(np.float16),
                            lung=lung.astype(np.float16))
        subprocess.run(["rm", "-r", study], check=True)
    with np.load(cache) as arrays:
        values, lesion, lung = (arrays[name].astype(np.float32) for name in ("values", "lesion", "lung"))
    return values, np.stack([1 - lesion - lung, lesion, lung])


def block(channels_in, channels_out, stride=1):
    return nn.Sequential(nn.Conv3d(channels_in, channels_out, 3, stride, 1, bias=False), nn.BatchNorm3d(channels_out),
                         nn.ReLU(inplace=True))


class Net(nn.Module):
    """A U-Net of three levels; extents must be divisible by four."""

    def __init__(self):
        super().__init__()
        a, b, c = CHANNELS
        self.first = nn.Sequential(block(1, a), block(a, a))
        self.second = nn.Sequential(block(a, b, 2), block(b, b))
        self.third = nn.Sequential(block(b, c, 2), block(c, c))
        self.up_second, self.up_first = nn.ConvTranspose3d(c, b, 2, 2), nn.ConvTranspose3d(b, a, 2, 2)
        self.back_second, self.back_first = block(2 * b, b), block(2 * a, a)
        self.last = nn.Conv3d(a, 3, 1)

    def forward(self, x):
        first = self.first(x)
        second = self.second(first)
        third = self.third(second)
        second = self.back_second(torch.cat([second, self.up_second(third)], 1))
        return self.last(self.back_first(torch.cat([first, self.up_first(second)], 1)))


def crop(random, values, shares):
    """A patch; two of three have a lesion near their middle. The edge of the image is padded as the inferer pads."""
    if random.random() < 2 / 3 and (shares[1] > 0.5).any():
        inside = np.argwhere(shares[1] > 0.5)
        middle = inside[random.integers(len(inside))] + random.integers(-14, 15, 3)
    else:
        middle = np.array([random.integers(n) for n in values.shape])
    low = middle - np.array(PATCH) // 2
    source = tuple(slice(max(l, 0), max(min(l + p, n), 0)) for l, p, n in zip(low, PATCH, values.shape))
    target = tuple(slice(s.start - l, s.stop - l) for s, l in zip(source, low))
    x, y = np.zeros(PATCH, np.float32), np.zeros((3, *PATCH), np.float32)
    y[0] = 1
    x[target], y[(slice(None), *target)] = values[source], shares[(slice(None), *source)]
    for axis in range(3):
        if random.random() < 0.5:
            x, y = np.flip(x, axis), np.flip(y, axis + 1)
    return np.ascontiguousarray(x)[None], np.ascontiguousarray(y)


def loss(logits, shares, done):
    """Cross-entropy with shares, and a soft Dice of the lesion.

    Lesions are rare: at first they weigh more, so that they are found at all; later they do not, so that their border
    is where it is."""
    weights = torch.tensor([1.0, 1.0 + 24.0 * max(0.0, 1 - done / 0.5), 1.0]).view(1, 3, 1, 1, 1)
    entropy = -(weights * shares * functional.log_softmax(logits, 1)).sum(1).mean()
    probability, lesion = functional.softmax(logits, 1)[:, 1], shares[:, 1]
    dice = (2 * (probability * lesion).sum() + 1) / (probability.sum() + lesion.sum() + 1)
    return entropy + (1 - dice)


def export(net, path):
    """The graph by hand: batch normalisation is folded into the convolution before it."""
    nodes, weights = [], []

    def convolution(name, given, conv, norm=None, kind="Conv"):
        kernel = conv.weight.detach().numpy().astype(np.float64)
        bias = np.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach().numpy().astype(np.float64)
        if norm is not None:
            scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy().astype(np.float64)
            kernel = kernel * scale[:, None, None, None, None]
            bias = (bias - norm.running_mean.numpy()) * scale + norm.bias.detach().numpy()
        for part, values in (("weight", kernel), ("bias", bias)):
            weights.append(numpy_helper.from_array(values.astype(np.float32), f"{name}.{part}"))
        nodes.append(helper.make_node(kind, [given, f"{name}.weight", f"{name}.bias"], [name], name=name,
                                      strides=list(conv.stride), pads=[*conv.padding, *conv.padding]))
        if norm is None:
            return name
        nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"]))
        return f"{name}.relu"

    def layers(name, given, sequence):
        for number, one in enumerate(sequence):
            given = convolution(f"{name}{number}", given, one[0], one[1])
        return given

    def joined(name, *parts):
        nodes.append(helper.make_node("Concat", list(parts), [name], axis=1))
        return name

    first = layers("first", "image", net.first)
    second = layers("second", first, net.second)
    third = layers("third", second, net.third)
    up = convolution("up_second", third, net.up_second, kind="ConvTranspose")
    second = layers("back_second", joined("cat_second", second, up), [net.back_second])
    up = convolution("up_first", second, net.up_first, kind="ConvTranspose")
    first = layers("back_first", joined("cat_first", first, up), [net.back_first])
    last = convolution("scores", first, net.last)
    value = lambda name, channels: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, "z", "y", "x"])
    graph = helper.make_graph(nodes, "phantom-lesion", [value("image", 1)], [value(last, 3)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="gantry")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main():
    program, work, path = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3]
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    random = np.random.default_rng(SEED)
    kinds = [("lesions", PHANTOMS), ("chest", OTHERS), ("water", OTHERS), ("foam", OTHERS)]
    data = [phantom(program, work, kind, FIRST_SEED + n) for kind, count in kinds for n in range(count)]
    net, started = Net(), time.time()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, STEPS)
    net.train()
    for step in range(STEPS):
        # Others are rare, as they are in the list.
        patches = [crop(random, *data[random.integers(len(data))]) for _ in range(BATCH)]
        x, y = (torch.from_numpy(np.stack(one)) for one in zip(*patches))
        # Another scanner: offset, noise.
        x = x + torch.empty(BATCH, 1, 1, 1, 1).uniform_(-0.02, 0.02) + 0.01 * torch.randn_like(x)
        optimiser.zero_grad()
        error = loss(net(x), y, step / STEPS)
        error.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1} of {STEPS}: loss {error.item():.4f}, {time.time() - started:.0f} s", flush=True)
            net.eval()
            export(net, path)
            net.train()


main()
