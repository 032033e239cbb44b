"""Copies of a study under UIDs of their own: copy_study.py STUDY OUT COUNT; OUT/<Study Instance UID>/*.dcm

UIDs are replaced by others of the same length, in the files' bytes: a hundred studies take seconds."""
import pathlib
import random
import sys

import pydicom

study, out, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
images = []
for path in sorted(study.iterdir()):
    image = pydicom.dcmread(path, stop_before_pixels=True)
    uids = [image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID, image.SOPInstanceUID]
    images.append((path.read_bytes(), uids))


def other(uid):
    return uid[:12] + "".join(random.choice("123456789") for _ in uid[12:])


for _ in range(count):
    new = {}
    for data, uids in images:
        for uid in uids:
            data = data.replace(uid.encode(), new.setdefault(uid, other(uid)).encode())
        folder = out / new[uids[0]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(new):06}.dcm").write_bytes(data)
