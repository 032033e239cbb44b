"""Evidence in the PACS after readiness: evidence.py GANTRY WORK [STUDIES]

Chest CTs of 512 x 512 x 100, made from a phantom, go one after the other to a running node and their SEG, SR and SC to
storescp: STUDIES of them (10) as they are, and as many as JPEG lossless. The worker is warm. Prints median and largest
time from readiness (the payload is frozen) to the answer to the last of the three objects, and what of it was the
application's own computing."""
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

gantry, work = sys.argv[1], pathlib.Path(sys.argv[2])
count = int(sys.argv[3]) if len(sys.argv) > 3 else 10

DOCUMENTS = """
apiVersion: gantry/v1
kind: Workflow
metadata: {{ name: chest-ct, class: research }}
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: {{ series: series.modality == "CT" && series.instances >= 40 }}
ready: {{ associationEnd: 0s, quiet: 20s }}
tasks:
  - {{ name: lungs, app: lung-density, inputs: {{ image: chest }} }}
deliver:
  - {{ to: pacs }}
---
apiVersion: gantry/v1
kind: Destination
metadata: {{ name: pacs, class: research }}
aeTitle: STORESCP
address: 127.0.0.1:{port}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def volume():
    """A phantom on a grid of 512 x 512 x 100, and the header of one of its images."""
    folder = work / "phantom"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([gantry, "phantom", "--seed", "1", "--out", folder], check=True, capture_output=True)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / "study"))
    image = sitk.ReadImage(names)
    extent = np.array(image.GetSize()) * np.array(image.GetSpacing())
    size = [512, 512, 100]
    grid = sitk.Image(size, sitk.sitkInt16)
    grid.SetSpacing((extent / size).tolist())
    grid.SetOrigin(image.GetOrigin())
    grid.SetDirection(image.GetDirection())
    return sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, -1024), pydicom.dcmread(names[0])


def write_study(image, header, folder):
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    pixels = sitk.GetArrayFromImage(image)
    columns, rows, between = image.GetSpacing()
    for k in range(image.GetSize()[2]):
        ds = header.copy()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber = k + 1
        ds.Rows, ds.Columns = pixels.shape[1:]
        ds.PixelSpacing, ds.SliceThickness = [rows, columns], between
        ds.ImagePositionPatient = list(image.TransformIndexToPhysicalPoint((0, 0, k)))
        stored = (pixels[k] - int(ds.RescaleIntercept)) / float(ds.RescaleSlope)
        ds.PixelData = stored.astype(np.uint16 if ds.PixelRepresentation == 0 else np.int16).tobytes()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)
    return study


def ask(data, *arguments):
    done = subprocess.run([gantry, *arguments, "--json", "--data", data], check=True, capture_output=True)
    return json.loads(done.stdout)


def times_of(data, study):
    """Stages of the study's run, once its evidence is in the PACS."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = [run["run"] for run in ask(data, "runs", "list")["runs"] if run["study"] == study]
        if runs:
            times = ask(data, "runs", "show", runs[0])["times"]
            if "ready to delivered" in times:
                return times
        time.sleep(0.1)
    sys.exit(f"study {study}: no evidence within a minute: {ask(data, 'why', study)}")


image, header = volume()
data, received, port = work / "data", work / "received", free_port()
for folder in (data, received, work / "studies"):
    shutil.rmtree(folder, ignore_errors=True)
received.mkdir(parents=True)
pacs = subprocess.Popen(["storescp", "--fork", "-od", received, str(port)], env={**os.environ, "TCP_NODELAY": "1"})
door = free_port()
node = subprocess.Popen([gantry, "serve", "--data", data, "--dicom-port", str(door), "--http-port", "0"],
                        stderr=subprocess.DEVNULL)
try:
    time.sleep(3)
    (work / "documents.yaml").write_text(DOCUMENTS.format(port=port))
    subprocess.run([gantry, "apply", "--data", data, "--file", work / "documents.yaml"], check=True,
                   capture_output=True)
    for kind in ("native", "JPEG lossless"):
        all_times = []
        for number in range(count + 1):
            folder = work / "studies" / f"{kind[0]}-{number}"
            study = write_study(image, header, folder)
            if kind != "native":
                for file in folder.glob("*.dcm"):
                    subprocess.run(["dcmcjpeg", "+e1", file, file], check=True)
            subprocess.run([gantry, "send", f"127.0.0.1:{door}", "--called", "GANTRY", folder], check=True,
                           capture_output=True)
            times = times_of(data, study)
            shutil.rmtree(folder)
            # The first one warms worker and caches.
            if number:
                all_times.append(times)
        whole = [times["ready to delivered"] for times in all_times]
        own = [times["lungs.compute"] for times in all_times]
        rest = [a - b for a, b in zip(whole, own)]
        parts = {stage: round(statistics.median(times[stage] for times in all_times), 3) for stage in all_times[0]}
        print(f"{kind}: ready to delivered: median {statistics.median(whole):.2f} s, largest {max(whole):.2f} s; "
              f"beside the application's computing: median {statistics.median(rest):.2f} s, largest {max(rest):.2f} s")
        print(f"  medians by stage: {parts}")
finally:
    node.terminate()
    pacs.terminate()
