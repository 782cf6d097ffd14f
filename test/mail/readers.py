"""Reads mails as a strict reader does: one JSON line in ({"mail": base64}), one JSON line out."""
import base64
import email
import email.policy
import json
import sys


def read(octets):
    message = email.message_from_bytes(octets, policy=email.policy.default.clone(raise_on_defect=True))
    parts = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    defects += [str(defect) for value in message.values() for defect in getattr(value, "defects", [])]
    text = parts["text/plain"].get_content()
    html = parts["text/html"].get_content() if "text/html" in parts else None
    attachments = {
        part.get_filename(): base64.b64encode(part.get_content() if isinstance(part.get_content(), bytes) else part.get_content().encode()).decode()
        for part in message.walk()
        if part.get_filename()
    }
    return {"subject": message["Subject"], "names": message.keys(), "text": text, "html": html, "attachments": attachments, "defects": defects}


for line in sys.stdin:
    try:
        answer = read(base64.b64decode(json.loads(line)["mail"]))
    except Exception as error:  # a reader that stumbles is an answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
