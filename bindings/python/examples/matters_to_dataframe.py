"""All matters of the firm as a pandas DataFrame, and how many each client has.

    matters_to_dataframe.py [CSV]

The connection string comes from the environment variable APILINK_CONNECTION_STRING.
"""

from __future__ import annotations

import os
import sys

import pandas as pd

import apilink

FIELDS = "id,display_number,status,open_date,client{name},practice_area{name}"


def matters(clio: apilink.Connection) -> pd.DataFrame:
    """One row for each matter. Nested records become columns such as ``client.name``."""
    records = clio.records("matters", fields=FIELDS, order="id(asc)", limit=200)
    frame = pd.json_normalize(list(records)).set_index("id")
    return frame.assign(open_date=pd.to_datetime(frame["open_date"]))


def main() -> None:
    with apilink.connect(os.environ["APILINK_CONNECTION_STRING"]) as clio:
        frame = matters(clio)
    print(frame)
    print(frame.groupby("client.name").size().sort_values(ascending=False).head(10))
    if len(sys.argv) > 1:
        frame.to_csv(sys.argv[1])


if __name__ == "__main__":
    main()
