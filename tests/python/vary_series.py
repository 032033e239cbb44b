"""Writes a variant of an axial CT series: vary_series.py KIND SERIES OUT [TRUTH.nrrd OUT_TRUTH.nrrd]

position   Patient Position edited; nothing else
renamed    new UIDs for study, series and images; nothing else
turned     position and orientation turned by diag(-1, -1, 1)
sagittal, coronal   the same voxels regrouped, nothing interpolated
oblique    resampled with a grid turned by 20 degrees about the patient's x axis, and the truth with it

Regrouped and resampled series have new UIDs, no descriptions, and files in no order."""
import pathlib
import random
import sys

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

kind, series, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
out.mkdir(parents=True)
files = sorted(series.glob("*.dcm"))

if kind in ("position", "turned", "renamed"):
    study, new_series = generate_uid(), generate_uid()
    for file in files:
        ds = pydicom.dcmread(file)
        if kind == "position":
            ds.PatientPosition = "FFP"
        elif kind == "renamed":
            ds.StudyInstanceUID, ds.SeriesInstanceUID = study, new_series
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        else:
            turn = np.array([-1.0, -1.0, 1.0])
            ds.ImagePositionPatient = list(np.array(ds.ImagePositionPatient, float) * turn)
            orientation = np.array(ds.ImageOrientationPatient, float).reshape(2, 3) * turn
            ds.ImageOrientationPatient = list(orientation.ravel())
        ds.save_as(out / file.name)
    sys.exit(0)

reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series), reader.GetGDCMSeriesIDs(str(series))[0]))
image = reader.Execute()
if kind == "oblique":
    angle = np.radians(20.0)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    size = np.array(image.GetSize())
    # Room for the turned box, with the slices as far apart as before.
    extent = np.array(image.GetSpacing()) * size
    need = np.abs(turn.T) @ extent
    spacing = np.array(image.GetSpacing())
    new_size = np.ceil(need / spacing).astype(int)
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint((size / 2.0 - 0.5).tolist()))
    origin = centre - turn @ (spacing * (new_size / 2.0 - 0.5))
    grid = sitk.Image(new_size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetOrigin(origin.tolist())
    grid.SetDirection(turn.ravel().tolist())
    truth = sitk.ReadImage(sys.argv[4])
    sitk.WriteImage(sitk.Resample(truth, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0), sys.argv[5])
    image = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, -1024, sitk.sitkInt16)

voxels = sitk.GetArrayFromImage(image)  # slice, row, column
direction = np.array(image.GetDirection()).reshape(3, 3)
origin, spacing = np.array(image.GetOrigin()), np.array(image.GetSpacing())
x, y, z = (direction[:, axis] * spacing[axis] for axis in range(3))
if kind == "sagittal":  # rows go to the back, columns to the foot, slices to the left
    voxels, origin = voxels[::-1].transpose(2, 0, 1), origin + z * (voxels.shape[0] - 1)
    row, column, normal = y, -z, x
elif kind == "coronal":  # rows go to the left, columns to the foot, slices to the back
    voxels, origin = voxels[::-1].transpose(1, 0, 2), origin + z * (voxels.shape[0] - 1)
    row, column, normal = x, -z, y
else:
    row, column, normal = x, y, z

template = pydicom.dcmread(files[0], stop_before_pixels=True)
for keyword in ("SeriesDescription", "StudyDescription", "ProtocolName", "BodyPartExamined", "SliceLocation"):
    if keyword in template:
        del template[keyword]
template.StudyInstanceUID, template.SeriesInstanceUID = generate_uid(), generate_uid()
template.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
template.Rows, template.Columns = voxels.shape[1:]
unit = lambda vector: vector / np.linalg.norm(vector)
template.ImageOrientationPatient = [f"{c:.10g}" for c in np.concatenate([unit(row), unit(column)])]
template.PixelSpacing = [f"{np.linalg.norm(column):.10g}", f"{np.linalg.norm(row):.10g}"]
template.SliceThickness = f"{np.linalg.norm(normal):.10g}"
template.BitsAllocated, template.BitsStored, template.HighBit, template.PixelRepresentation = 16, 16, 15, 1
template.RescaleSlope, template.RescaleIntercept = 1, 0
names = list(range(len(voxels)))
random.Random(7).shuffle(names)
for k, plane in enumerate(voxels):
    template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    template.ImagePositionPatient = [f"{c:.10g}" for c in origin + normal * k]
    template.InstanceNumber = names[k] + 1
    template.add_new("PixelData", "OW", np.ascontiguousarray(plane, dtype="<i2").tobytes())
    template.save_as(out / f"{names[k]:04}.dcm", enforce_file_format=True)
