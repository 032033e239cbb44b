"""Sends a folder again and again until the peer is gone, noting each success: send_and_list.py PORT FOLDER LIST."""
import pathlib
import sys

import pydicom
from pynetdicom import AE

port, folder, note = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
objects = [pydicom.dcmread(file) for file in sorted(folder.glob("*.dcm"))]
ae = AE(ae_title="LISTER")
ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")
association = ae.associate("127.0.0.1", port, ae_title="GANTRY")
with note.open("w") as successes:
    while association.is_established:
        for ds in objects:
            try:
                status = association.send_c_store(ds)
            except (RuntimeError, ValueError):
                sys.exit(0)
            if "Status" not in status:
                sys.exit(0)
            if status.Status == 0:
                successes.write(ds.SOPInstanceUID + "\n")
                successes.flush()
