"""Prints the texts of a structured report: declined.py SR.dcm"""
import sys

import pydicom


def texts(item):
    for child in item.get("ContentSequence", []):
        if "TextValue" in child:
            yield str(child.TextValue)
        yield from texts(child)


print("\n".join(texts(pydicom.dcmread(sys.argv[1]))))
