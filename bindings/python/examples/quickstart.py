"""Who is logged in, until when, and the first matters.

The connection string comes from the environment variable APILINK_CONNECTION_STRING.
"""

import os

import apilink

with apilink.connect(os.environ["APILINK_CONNECTION_STRING"]) as clio:
    me = clio.get("users/who_am_i", fields="name").raise_for_status().json()["data"]
    print(f"Logged in as {me['name']}; the token expires {clio.token_expiry or '(not known)'}")
    page = clio.get("matters", fields="display_number,client{name}", order="id(asc)", limit=5)
    for matter in page.raise_for_status().json()["data"]:
        print(matter["display_number"], (matter["client"] or {}).get("name"), sep="\t")
