#!/usr/bin/env python3
"""A browser with a person before it: answers the pages of oidc-provider.

As a program it takes the authorization URL as its argument, and follows the last redirect to the
program that waits. The variable FOREIGN_ANSWER says what the person does: approve (the default),
or decline.
"""

from __future__ import annotations

import html.parser
import http.cookiejar
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

PERSON = "ada@firm.example"


class Page(html.parser.HTMLParser):
    """The form of a page, and its link to decline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.decline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.action = values["action"]
        elif tag == "input":
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "a" and values.get("href", "").endswith("/abort"):
            self.decline = values["href"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments):
        return None


class Browser:
    """A browser that keeps cookies and stops before it leaves the authorization server."""

    def __init__(self) -> None:
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            NoRedirect,
        )

    def answer(self, url: str, approve: bool = True) -> str:
        """Logs in and approves (or declines); returns the URL of the redirect to the program."""
        home = urllib.parse.urlsplit(url).netloc
        form: dict[str, str] | None = None
        for _step in range(20):
            data = None if form is None else urllib.parse.urlencode(form).encode()
            try:
                with self.opener.open(url, data, timeout=60) as reply:
                    page = Page(reply.read().decode())
            except urllib.error.HTTPError as redirect:
                if redirect.code not in (302, 303):
                    text = redirect.read().decode("utf-8", "replace")
                    raise SystemExit(f"{url}: HTTP {redirect.code}: {text}") from None
                url, form = urllib.parse.urljoin(url, redirect.headers["Location"]), None
                if urllib.parse.urlsplit(url).netloc != home:
                    return url
                continue
            if not approve:
                url, form = urllib.parse.urljoin(url, page.decline), None
                continue
            url, form = urllib.parse.urljoin(url, page.action), dict(page.fields)
            if "login" in form:
                form.update(login=PERSON, password="whatever")
        raise SystemExit("The pages of the authorization server do not come to an end")


def main() -> None:
    redirect = Browser().answer(sys.argv[1], os.environ.get("FOREIGN_ANSWER") != "decline")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(redirect, timeout=60).close()


if __name__ == "__main__":
    main()
