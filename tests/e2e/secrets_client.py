"""A program on libapilink for test_secrets.py, in a process of its own.

Reads scenarios as JSON from its standard input, and writes what the library said to the file that
its argument names. It prints nothing: what appears there would come from the library.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import warnings

import apilink


def play(scenario: dict) -> dict:
    """Connects with the string of a scenario and takes its steps, whatever comes of them."""
    said: list[str] = []
    log: list[str] = []
    done: list[str] = []
    connection = apilink.Connection(
        scenario["string"], log=lambda level, line: log.append(line), log_level=5
    )
    for step, *arguments in scenario["steps"]:
        try:
            take(connection, step, arguments, said)
            done.append("ok")
        except apilink.ApilinkError as error:
            said += [str(error), repr(error)]
            done.append(error.sqlstate)
        said += [str(record) for record in connection.warnings] + [repr(connection)]
    connection.close()
    return {"name": scenario["name"], "said": said, "log": log, "done": done}


def take(connection: apilink.Connection, step: str, arguments: list, said: list[str]) -> None:
    if step == "request":
        method, path, options = arguments
        request = connection.prepare(method, path, **options)
        said.append(repr(request))
        response = request.execute()
        said += [str(record) for record in response.diagnostics] + [repr(response)]
        if path == "pages":
            request.next_page(response)
    elif step == "authorization_url":
        connection.authorization_url()
    else:
        getattr(connection, step)(*arguments)


def main() -> None:
    warnings.simplefilter("ignore")
    scenarios = json.load(sys.stdin)
    before = dict(os.environ)
    results = [play(scenario) for scenario in scenarios]
    report = {
        "results": results,
        "arguments": pathlib.Path("/proc/self/cmdline").read_text(),
        "environment_is_unchanged": dict(os.environ) == before,
    }
    pathlib.Path(sys.argv[1]).write_text(json.dumps(report))


if __name__ == "__main__":
    main()
