"""A receiver that misbehaves by plan: awkward_receiver.py PORT PLAN LOG [SECONDS].

PLAN is JSON: for each SOP Instance UID the answers to its attempts, one after the other, then always 0000. An answer is
a status in hexadecimal, "abort" (in the middle of the data set) or "stall" (longer than anybody waits). LOG gets a line
of JSON for each answer: the UID, the SHA-256 of the data set as it came, and the answer. SECONDS is what each answer
takes."""
import hashlib
import json
import pathlib
import sys
import threading
import time

from pynetdicom import AE, AllStoragePresentationContexts, evt

port, plan, log = int(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text()), open(sys.argv[3], "a")
delay = float(sys.argv[4]) if len(sys.argv) > 4 else 0
lock = threading.Lock()


def answer_to(uid):
    with lock:
        answers = plan.get(uid, [])
        return answers.pop(0) if answers else "0000"


def note(uid, answer, data=None):
    digest = None if data is None else hashlib.sha256(data).hexdigest()
    with lock:
        log.write(json.dumps({"uid": uid, "sha256": digest, "answer": answer}) + "\n")
        log.flush()


def on_pdu(event):
    """Aborts when the command of a marked object has come, before its data set has."""
    for item in getattr(event.pdu, "presentation_data_value_items", []):
        is_command = item.presentation_data_value[0] & 1
        with lock:
            uids = [uid for uid, answers in plan.items() if answers and answers[0] == "abort"]
        for uid in uids:
            if is_command and uid.encode() in item.presentation_data_value:
                note(uid, answer_to(uid))
                threading.Thread(target=event.assoc.abort).start()
                # Nothing more is read meanwhile.
                time.sleep(0.2)


def on_store(event):
    uid = str(event.request.AffectedSOPInstanceUID)
    answer = answer_to(uid)
    time.sleep(delay)
    note(uid, answer, event.request.DataSet.getvalue())
    if answer == "stall":
        time.sleep(6)
        return 0x0000
    return int(answer, 16)


ae = AE(ae_title="PEER")
ae.supported_contexts = AllStoragePresentationContexts
ae.maximum_pdu_size = 16384
ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, on_store), (evt.EVT_PDU_RECV, on_pdu)])
