"""The volumes in a report, as highdicom and as dcmqi read them: read_report.py SR.dcm. Prints JSON."""
import json
import pathlib
import subprocess
import sys
import tempfile

import highdicom
from pydicom.sr.codedict import codes

report = pathlib.Path(sys.argv[1])
sr = highdicom.sr.srread(report)
volumes = [float(m.value) for group in sr.content.get_volumetric_roi_measurement_groups()
           for m in group.get_measurements(name=codes.SCT.Volume)]
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "report.json"
    tool = pathlib.Path(sys.executable).with_name("tid1500reader")
    subprocess.run([tool, "--inputDICOM", report, "--outputMetadata", out], check=True, capture_output=True)
    groups = json.loads(out.read_text())["Measurements"]
    second = [float(item["value"]) for group in groups for item in group["measurementItems"]
              if item["quantity"]["CodeValue"] == "118565006" and item["value"]]
print(json.dumps({"highdicom": volumes, "dcmqi": second}))
