"""Uploads a file to a matter, and downloads it again.

    upload.py FILE COPY [MATTER_ID]

An upload has three steps: Clio is told of the document and answers with a signed URL of its
storage; the bytes go there, without the token; Clio is told that they are complete.

The connection string comes from the environment variable APILINK_CONNECTION_STRING.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import apilink

FIELDS = "id,latest_document_version{uuid,put_url,put_headers}"


def upload(clio: apilink.Connection, file: str, matter: int) -> int:
    """Uploads a file and returns the ID of its document."""
    parent = {"id": matter, "type": "Matter"}
    new = {"name": os.path.basename(file), "parent": parent}
    document = send(clio, "POST", "documents", new, fields=FIELDS)
    version = document["latest_document_version"]

    headers = [(header["name"], header["value"]) for header in version["put_headers"]]
    clio.put(version["put_url"], signed=True, headers=headers, file=file).raise_for_status()

    complete = {"uuid": version["uuid"], "fully_uploaded": True}
    send(clio, "PATCH", f"documents/{document['id']}", complete, fields="id")
    return int(document["id"])


def send(clio: apilink.Connection, method: str, path: str, data: Any, fields: str) -> Any:
    """Writes a record and returns what the service says of it."""
    response = clio.request(method, path, json={"data": data}, fields=fields)
    return response.raise_for_status().json()["data"]


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: upload.py FILE COPY [MATTER_ID]")
    file, copy = sys.argv[1:3]
    with apilink.connect(os.environ["APILINK_CONNECTION_STRING"]) as clio:
        if len(sys.argv) == 4:
            matter = int(sys.argv[3])
        else:
            matter = next(clio.records("matters", fields="id", order="id(asc)", limit=1))["id"]
        document = upload(clio, file, matter)
        print(f"Uploaded {file} to matter {matter} as document {document}")
        # Clio redirects to its storage; the token is not sent there.
        with clio.get(f"documents/{document}/download").raise_for_status() as response:
            print(f"Downloaded {response.save(copy)} bytes to {copy}")


if __name__ == "__main__":
    main()
