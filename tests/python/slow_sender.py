"""Sends a whole series, and then object by object three more of the study, over one association that stays open.

slow_sender.py HOST PORT STUDY_FOLDER STOP_FILE
Prints `first` when the first series is there; ends when the stop file exists.
"""

import pathlib
import sys
import time

import pydicom
from pydicom.uid import generate_uid
from pynetdicom import AE

host, port, folder, stop = sys.argv[1:]
files = sorted(pathlib.Path(folder).iterdir())
first = pydicom.dcmread(files[0])
ae = AE(ae_title="SLOW")
ae.add_requested_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)
association = ae.associate(host, int(port), ae_title="GANTRY")
assert association.is_established


def send(one):
    assert association.send_c_store(one).Status == 0


for file in files:
    send(pydicom.dcmread(file))
print("first", flush=True)
series = [generate_uid() for _ in range(3)]
count = 0
while not pathlib.Path(stop).exists() and count < 120:
    one = pydicom.dcmread(files[count % len(files)])
    one.SeriesInstanceUID = series[count % 3]
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    send(one)
    count += 1
    time.sleep(1)
association.release()
