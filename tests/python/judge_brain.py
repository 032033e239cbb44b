"""Judges a segmentation of the head: judge_brain.py RESULT IMAGES LABELS.nii.gz FACTS.json

The stored label map is taken to the grid of the images by the rules in FACTS, and its digest must be the one there. The
segmentation is read by dcmqi. Prints one JSON object: recall, precision, Dice and volume by label."""
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
import SimpleITK as sitk

result, images, labels_file, facts_file = map(pathlib.Path, sys.argv[1:5])
facts = json.loads(facts_file.read_text())

slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in images.iterdir()]
row, column = np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3)
normal = np.cross(row, column)
slices.sort(key=lambda one: np.dot(normal, np.array(one.ImagePositionPatient, float)))
first, last = (np.array(slices[at].ImagePositionPatient, float) for at in (0, -1))
between_rows, between_columns = map(float, slices[0].PixelSpacing)
shape = (len(slices), slices[0].Rows, slices[0].Columns)
step = (last - first) / (len(slices) - 1)
source = np.stack([row * between_columns, column * between_rows, step, first], axis=1)

# The grid: axes L, I, A of the patient, 1 mm, its middle on the middle of the source.
grid_axes = np.array([[1, 0, 0], [0, 0, -1], [0, -1, 0]], float).T
middle = source @ np.array([(shape[2] - 1) / 2, (shape[1] - 1) / 2, (shape[0] - 1) / 2, 1])
origin = middle - grid_axes @ np.full(3, 127.5)

raw = gzip.decompress(labels_file.read_bytes())[352:]
stored = np.frombuffer(raw, np.uint8).reshape((256, 256, 256), order="F")
k, j, i = np.meshgrid(*(np.arange(extent, dtype=float) for extent in shape), indexing="ij")
points = np.stack([i.ravel(), j.ravel(), k.ravel(), np.ones(i.size)])
places = np.floor(grid_axes.T @ (source @ points - origin[:, None]) + 0.5).astype(int)
inside = np.all((0 <= places) & (places < 256), axis=0)
truth = np.zeros(i.size, np.uint8)
truth[inside] = stored[tuple(places[:, inside])]
truth = truth.reshape(shape)
assert hashlib.sha256(truth.tobytes()).hexdigest() == facts["back_to_source"]["sha256_uint8"].split()[0]

with tempfile.TemporaryDirectory() as folder:
    tool = pathlib.Path(sys.executable).with_name("segimage2itkimage")
    subprocess.run([tool, "--inputDICOM", result / "evidence" / "SEG.dcm", "--outputDirectory", folder, "-t", "nrrd",
                    "-p", "x", "--mergeSegments"], check=True, capture_output=True)
    read = sitk.ReadImage(str(next(pathlib.Path(folder).glob("*.nrrd"))))
like = sitk.Image(shape[2], shape[1], shape[0], sitk.sitkUInt8)
like.SetOrigin(first.tolist())
like.SetSpacing([between_columns, between_rows, float(np.linalg.norm(step))])
like.SetDirection(np.stack([row, column, step / np.linalg.norm(step)], axis=1).ravel().tolist())
found = sitk.GetArrayFromImage(sitk.Resample(read, like, sitk.Transform(), sitk.sitkNearestNeighbor, 0))

figures = {}
for label in (1, 2):
    own, theirs = found == label, truth == label
    both = int(np.count_nonzero(own & theirs))
    figures[str(label)] = {
        "recall": both / max(int(theirs.sum()), 1),
        "precision": both / max(int(own.sum()), 1),
        "dice": 2 * both / max(int(own.sum()) + int(theirs.sum()), 1),
        "voxels": int(own.sum()),
        "counted": facts["back_to_source"]["counts_source_grid"][str(label)],
    }
print(json.dumps(figures))
