"""Changes the last images of a series in place: edit_series.py DIR COUNT set KEYWORD VALUE | cut | empty

`set` gives an attribute another value (\\x escapes are bytes), `cut` keeps the first 60 % of the entropy-coded data of
an encapsulated frame and ends it with EOI, `empty` leaves a file without bytes."""
import pathlib
import sys

import pydicom
from pydicom.encaps import encapsulate, generate_frames

folder, count, what, *words = sys.argv[1:]
files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
files.sort(key=lambda path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]))
for path in files[-int(count):]:
    if what == "empty":
        path.write_bytes(b"")
        continue
    ds = pydicom.dcmread(path)
    if what == "set":
        keyword, value = words
        ds[keyword] = pydicom.DataElement(keyword, pydicom.datadict.dictionary_VR(keyword), "")
        # Bytes that no repertoire was announced for are written as they are.
        raw = value.encode().decode("unicode_escape").encode("latin-1")
        ds[keyword] = pydicom.dataelem.RawDataElement(
            ds[keyword].tag, ds[keyword].VR, len(raw) + len(raw) % 2, raw + b" " * (len(raw) % 2), 0, False, True)
    else:
        frame = next(generate_frames(ds.PixelData, number_of_frames=1))
        start = frame.index(b"\xff\xda")
        cut = start + (len(frame) - start) * 6 // 10
        ds.PixelData = encapsulate([frame[:cut].rstrip(b"\xff") + b"\xff\xd9"])
    ds.save_as(path)
print(len(files))
