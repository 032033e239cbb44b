"""A series without words about what it shows: strip_descriptions.py FOLDER; in place."""
import pathlib
import sys

import pydicom

WORDS = ["StudyDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined", "ImageComments", "PatientComments",
         "RequestedProcedureDescription", "Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "PatientName"]
for path in pathlib.Path(sys.argv[1]).iterdir():
    image = pydicom.dcmread(path)
    for keyword in WORDS:
        if keyword in image:
            if keyword in ("Manufacturer", "PatientName"):
                image[keyword].value = ""
            else:
                del image[keyword]
    image.save_as(path)
