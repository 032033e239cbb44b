"""A sender with the habits of old devices: awkward_sender.py PORT FOLDER.

Sends the first two files by pynetdicom with PDUs of 4096 on one association, the third over a plain socket with one
byte in each write, the fourth with its data set cut into an odd and a last fragment. Exits with 1 if any status is not
0000."""
import pathlib
import socket
import struct
import sys

import pydicom
from pynetdicom import AE

port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
files = sorted(folder.glob("*.dcm"))
CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"

ae = AE(ae_title="AWKWARD")
ae.maximum_pdu_size = 4096
ae.add_requested_context(CT, EXPLICIT)
association = ae.associate("127.0.0.1", port, ae_title="GANTRY", max_pdu=4096)
assert association.is_established, "not associated"
for file in files[:2]:
    status = association.send_c_store(pydicom.dcmread(file))
    assert status.Status == 0, status
association.release()


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_rq():
    context = struct.pack(">BBBB", 1, 0, 0, 0) + item(0x30, CT.encode()) + item(0x40, EXPLICIT.encode())
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4")
    body = struct.pack(">HH", 1, 0) + b"GANTRY".ljust(16) + b"AWKWARD".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def command(instance):
    def element(number, value):
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HHI", 0, number, len(value)) + value

    body = element(0x0002, CT.encode()) + element(0x0100, struct.pack("<H", 1))
    body += element(0x0110, struct.pack("<H", 1)) + element(0x0700, struct.pack("<H", 0))
    body += element(0x0800, struct.pack("<H", 1)) + element(0x1000, instance.encode())
    return element(0x0000, struct.pack("<I", len(body))) + body


def pdu(control, fragment):
    pdv = struct.pack(">IBB", len(fragment) + 2, 1, control) + fragment
    return struct.pack(">BBI", 4, 0, len(pdv)) + pdv


def read_pdu(stream):
    kind, _, length = struct.unpack(">BBI", stream.read(6))
    return kind, stream.read(length)


def send_raw(file, fragments_of, write):
    ds = pydicom.dcmread(file)
    raw = file.read_bytes()
    meta = pydicom.filereader.read_file_meta_info(file)
    data = raw[132 + 12 + meta.FileMetaInformationGroupLength:]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        write(connection, associate_rq())
        assert read_pdu(stream)[0] == 2, "not accepted"
        write(connection, pdu(3, command(ds.SOPInstanceUID)))
        for control, fragment in fragments_of(data):
            write(connection, pdu(control, fragment))
        kind, body = read_pdu(stream)
        assert kind == 4, kind
        at = body.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
        assert body[at:at + 2] == b"\0\0", body[at:at + 2]
        write(connection, struct.pack(">BBI4x", 5, 0, 4))
        assert read_pdu(stream)[0] == 6


def one_byte_each(connection, data):
    for at in range(len(data)):
        connection.sendall(data[at:at + 1])


send_raw(files[2], lambda data: [(2, data)], one_byte_each)
send_raw(files[3], lambda data: [(0, data[:1001]), (2, data[1001:])], lambda c, data: c.sendall(data))
