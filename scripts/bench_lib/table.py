# SPDX-License-Identifier: Apache-2.0
"""Tables for people: the first column is text, the others are figures."""


class Table:
    """Rows under a heading, printed when all are there."""

    def __init__(self, *heading: str) -> None:
        self.rows = [heading]

    def row(self, *cells: str) -> None:
        self.rows.append(cells)

    def compare(self, what: str, ours: float, reference: float) -> None:
        """A row of what is better when it is smaller."""
        self.row(what, f"{ours:.3g}", f"{reference:.0f}", f"{reference / ours:.0f}x")

    def print(self) -> None:
        widths = [max(len(row[n]) for row in self.rows) for n in range(len(self.rows[0]))]
        for number, row in enumerate(self.rows):
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            print("  ".join(cells).rstrip())
            if number == 0:
                print("  ".join("-" * width for width in widths))
        print(flush=True)
