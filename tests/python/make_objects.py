"""Writes small CT objects for tests: make_objects.py OUT [--count N] [--size PIXELS] [--study UID] [--patient NAME]
[--charset CS]. One series; UIDs below 2.25 derived from the arguments, so that a second call writes the same objects."""
import argparse
import hashlib
import pathlib

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

parser = argparse.ArgumentParser()
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--size", type=int, default=16)
parser.add_argument("--study", default="one")
parser.add_argument("--patient", default="Test^Patient")
parser.add_argument("--charset", default="ISO_IR 100")
options = parser.parse_args()


def uid(*words):
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return "2.25." + str(int.from_bytes(digest[:15], "big"))


options.out.mkdir(parents=True, exist_ok=True)
for number in range(1, options.count + 1):
    ds = Dataset()
    ds.SpecificCharacterSet = options.charset
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = uid(options.study, "object", number)
    ds.StudyInstanceUID = uid(options.study)
    ds.SeriesInstanceUID = uid(options.study, "series")
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20261125", "101500", "A" + options.study[:8]
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "CT", 2, number
    ds.PatientName, ds.PatientID = options.patient, "P1"
    ds.PatientBirthDate, ds.PatientSex, ds.StudyID, ds.ReferringPhysicianName = "", "", "", ""
    ds.Rows = ds.Columns = options.size
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.ImagePositionPatient = [0, 0, number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [1, 1], 1
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    pixels = numpy.arange(options.size**2, dtype="<i2") + number
    ds.PixelData = pixels.tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(options.out / f"{number:05}.dcm", enforce_file_format=True)
