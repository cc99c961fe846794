"""A scan of a list as a Python user writes it: requests, and pandas for the table.

    python scan_with_pandas.py FIRST_PAGE ROWS csv|sqlite FILE

BENCH_TOKEN and BENCH_API_VERSION as for with_requests.py. Prints the number of rows.
"""

from __future__ import annotations

import itertools
import sqlite3
import sys

import pandas

from with_requests import open_session


def records(url: str):
    session = open_session()
    while url:
        reply = session.get(url)
        reply.raise_for_status()
        body = reply.json()
        yield from body["data"]
        url = body["meta"]["paging"].get("next")


def main() -> None:
    first, rows, form, file = sys.argv[1:]
    wanted = itertools.islice(records(first), int(rows))
    table = pandas.json_normalize(list(wanted), sep="_")
    if form == "csv":
        table.to_csv(file, index=False)
    else:
        connection = sqlite3.connect(file)
        table.to_sql("result", connection, index=False)
        connection.close()
    print(len(table))


if __name__ == "__main__":
    main()
