"""The label map of a result's segmentation, as dcmqi reads it: seg_to_nrrd.py RESULT OUT.nrrd"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    tool = pathlib.Path(sys.executable).with_name("segimage2itkimage")
    seg = pathlib.Path(sys.argv[1]) / "evidence" / "SEG.dcm"
    subprocess.run([tool, "--inputDICOM", seg, "--outputDirectory", folder, "-t", "nrrd", "-p", "x", "--mergeSegments"],
                   check=True, capture_output=True)
    shutil.copy(next(pathlib.Path(folder).glob("*.nrrd")), sys.argv[2])
