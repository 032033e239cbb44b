"""Judges a result of lung-density: judge_lungs.py RESULT IMAGES TRUTH.nrrd

RESULT: the folder that `gantry run` wrote. IMAGES: the series. TRUTH: 1 right lung, 2 left lung, in the same patient
space, on the same grid or on one that is compared by nearest neighbour. Prints one JSON object of figures."""
import json
import pathlib
import subprocess
import sys
import tempfile

import highdicom
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

result, images, truth_file = map(pathlib.Path, sys.argv[1:4])
seg_file = result / "evidence" / "SEG.dcm"


def read_series(folder):
    """The series as an image, with its slices sorted by place and not by name."""
    reader = sitk.ImageSeriesReader()
    ids = reader.GetGDCMSeriesIDs(str(folder))
    assert len(ids) == 1, ids
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), ids[0]))
    return reader.Execute()


def by_dcmqi():
    """The label map as dcmqi reads it."""
    with tempfile.TemporaryDirectory() as folder:
        tool = pathlib.Path(sys.executable).with_name("segimage2itkimage")
        subprocess.run([tool, "--inputDICOM", seg_file, "--outputDirectory", folder, "-t", "nrrd", "-p", "x",
                        "--mergeSegments"], check=True, capture_output=True)
        return sitk.ReadImage(str(next(pathlib.Path(folder).glob("*.nrrd"))))


def by_highdicom(like):
    """The label map as highdicom reads it, on the grid of `like`."""
    seg = highdicom.seg.segread(seg_file)
    volume = seg.get_volume(combine_segments=True)
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array.transpose(2, 1, 0)).astype(np.uint8))
    affine = np.asarray(volume.affine)
    steps = affine[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetSpacing(spacing.tolist())
    image.SetDirection((steps / spacing).ravel().tolist())
    return on_grid(image, like)


def on_grid(image, like):
    return sitk.Resample(image, like, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)


def dice(a, b):
    return 2.0 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


hu_image = read_series(images)
mask_image = by_highdicom(hu_image)
mask = sitk.GetArrayFromImage(mask_image)
second = sitk.GetArrayFromImage(on_grid(by_dcmqi(), hu_image))
truth_image = sitk.ReadImage(str(truth_file))
truth = sitk.GetArrayFromImage(on_grid(truth_image, hu_image))
hu = sitk.GetArrayFromImage(hu_image)
ml = float(np.prod(hu_image.GetSpacing())) / 1000.0

figures = {"readersAgree": bool(np.array_equal(mask, second)), "voxels": {str(n): int((mask == n).sum()) for n in (1, 2, 3)}}
for label, name in ((1, "right"), (2, "left")):
    own, wanted = mask == label, truth == label
    figures[name] = {
        "dice": dice(own, wanted),
        "volumePercent": 100.0 * (own.sum() / wanted.sum() - 1.0),
        "ml": own.sum() * ml,
        "meanDifference": float(hu[own].mean() - hu[wanted].mean()),
        "wrongSideMl": float(np.logical_and(own, truth == 3 - label).sum() * ml),
    }

airway = mask == 3
lungs = (mask == 1) | (mask == 2)
where = np.argwhere(airway)
# Patient coordinates of the airway's voxels: the trachea is the part in the upper slices.
points = np.array([hu_image.TransformContinuousIndexToPhysicalPoint([float(x) for x in at[::-1]]) for at in where])
top = points[points[:, 2] > points[:, 2].max() - 40.0]
trachea_x = float(np.median(top[:, 0]))
figures["airway"] = {
    "ml": float(airway.sum() * ml),
    "inLungs": int(np.logical_and(airway, lungs).sum()),
    "reachRightMm": trachea_x - float(points[:, 0].min()),
    "reachLeftMm": float(points[:, 0].max()) - trachea_x,
}

# The body: the largest 6-connected part above -300 HU after an in-plane opening of 2.5 mm, and in each axial plane all
# that does not reach the border through what is no body. Only meaningful for an axial series.
direction = np.abs(np.array(hu_image.GetDirection()).reshape(3, 3))
if direction[2, 2] > 0.99:
    spacing = hu_image.GetSpacing()
    radius = 2.5
    reach = [int(radius / s) for s in spacing[:2]]
    y, x = np.mgrid[-reach[1]:reach[1] + 1, -reach[0]:reach[0] + 1]
    disc = (x * spacing[0])**2 + (y * spacing[1])**2 <= radius**2
    dense = hu > -300
    opened = np.stack([ndimage.binary_opening(plane, disc) for plane in dense])
    parts, _ = ndimage.label(opened)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body = parts == sizes.argmax()
    for k, plane in enumerate(body):
        outside, _ = ndimage.label(~plane)
        border = np.unique(np.concatenate([outside[0], outside[-1], outside[:, 0], outside[:, -1]]))
        body[k] = plane | ~np.isin(outside, border[border > 0]) & ~plane
    figures["outsideBody"] = int(np.logical_and(lungs, ~body).sum())
print(json.dumps(figures))
