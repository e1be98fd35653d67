# SPDX-License-Identifier: Apache-2.0
"""A list as a page that people read."""

from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import quote

_STYLE = """  <style>
   h1 {font-size: 1em; font-weight: bold;}
   th, td {text-align: left; padding: 0 1em 0 1em;}
   a {text-decoration: none;}
  </style>
"""
_UNITS = ("", "K", "M", "G", "T", "P")


def page(label: str, prefix: str, items: Iterable[dict[str, Any]], css: str) -> bytes:
    """The list of what lies below a prefix, folders first."""
    listed = list(items)
    rows = [_row("parent", "../", "../", "", "")] if prefix else []
    for item in listed:
        if "subdir" in item:
            name = item["subdir"][len(prefix) :]
            rows.append(_row("item subdir", _link(name), name, "", ""))
    for item in listed:
        if "name" in item:
            name = item["name"][len(prefix) :]
            kinds = " ".join(f"type-{kind}" for kind in item["content_type"].lower().split("/"))
            moment = item["last_modified"].partition(".")[0].replace("T", " ")
            rows.append(_row(f"item {kinds}", _link(name), name, human(item["bytes"]), moment))
    title = f"Listing of {label}"
    head = _row("heading", "", "", "", "").partition("<td")[0]
    columns = "".join(
        f'    <th class="{kind}">{word}</th>\n'
        for kind, word in (("colname", "Name"), ("colsize", "Size"), ("coldate", "Date"))
    )
    table = f'  <table id="listing">\n{head}{columns}   </tr>\n{"".join(rows)}  </table>\n'
    return document(title, css, f'  <h1 id="title">{escape(title)}</h1>\n{table}')


def document(title: str, css: str, body: str) -> bytes:
    style = f'  <link rel="stylesheet" type="text/css" href="{escape(css)}" />\n' if css else _STYLE
    return (
        f"<!DOCTYPE html>\n<html>\n <head>\n  <title>{escape(title)}</title>\n{style} </head>\n"
        f" <body>\n{body} </body>\n</html>\n"
    ).encode()


def _link(name: str) -> str:
    return "./" + quote(name)


def _row(kind: str, link: str, name: str, size: str, moment: str) -> str:
    return (
        f'   <tr class="{escape(kind)}">\n'
        f'    <td class="colname"><a href="{escape(link)}">{escape(name)}</a></td>\n'
        f'    <td class="colsize">{size or "&nbsp;"}</td>\n'
        f'    <td class="coldate">{escape(moment) or "&nbsp;"}</td>\n'
        "   </tr>\n"
    )


def human(size: int) -> str:
    """`3`, `12K`, `5G`."""
    shown = float(size)
    for unit in _UNITS:
        if shown < 1024 or unit == _UNITS[-1]:
            return f"{shown:.0f}{unit}"
        shown /= 1024
    raise AssertionError(size)
