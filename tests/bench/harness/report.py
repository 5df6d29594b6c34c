"""The figures as Markdown and as a chart."""

import datetime
import html
import math

PROCESS = ["", "size", "made of", "build, CPU s", "user instructions", "system calls", "wall", "peak memory"]
LEFT_OUT = {
    "ureq": "ureq + serde_json",
    "reqsign": "reqsign",
    "azure-identity": "azure_identity + reqwest",
    "curl": "curl + jq",
    "python": "Python",
    "az": "az",
}


def replace(path, mark, text):
    """Puts the text between the marks `<!-- mark -->` and `<!-- /mark -->`."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    before, rest = path.read_text().split(begin)
    _, after = rest.split(end)
    path.write_text(before + begin + text + end + after)


def markdown(rows, versions, without, system_cas):
    """What stands between the marks."""
    whole = next(row for row in rows if row["name"] == "azmin")
    parts = [
        f"From exec to a token, {datetime.date.today()}:",
        table(
            PROCESS,
            [[*weight(row), *costs(row["token"])] for row in rows if row["token"]],
        ),
        "From exec to Resource Manager's answer over TLS 1.3, the token included:",
        table(
            PROCESS,
            [[*weight(row), *costs(row["arm"])] for row in rows if row["arm"]],
        ),
        "In a process that runs: a new credential and its first token, and the token that is kept:",
        table(
            ["", "instructions of a fetch", "heap allocations of a fetch", "kept token"],
            [library(row) for row in rows if row["library"]],
        ),
        ratio(whole, rows),
        "Wall is the median of runs in turn with `azmin`, as a multiple of its own. Instructions (callgrind), system "
        "calls (`strace -f`) and memory (GNU time, the largest process; the least it shows is its own half megabyte) are of "
        "all processes. Size is the file; of curl and jq with their libraries, libc's aside; of Python and az the "
        "installed packages, the interpreter aside. CPU seconds are of one `cargo build` from an empty directory with "
        "everything fetched. azmin, ureq and the floors are static musl programs, the other Rust peers dynamic as "
        "cargo makes them by default; all have azmin's release profile, the floors what their names say. curl, "
        f"Python, az and reqwest read the system's {system_cas} CAs and the stand-in's; azmin and the floor have "
        "Mozilla's built in and read the stand-in's; ureq trusts the stand-in's alone. reqsign knows storage's "
        "audience only, and asks Resource Manager nothing.",
        f"Versions: {', '.join(versions)}.",
    ]
    if without:
        parts.append(f"Left out of this run: {', '.join(LEFT_OUT[name] for name in without)}.")
    return "\n\n".join(parts) + "\n"


def ratio(whole, rows):
    """azmin beside the floor, in one figure for each."""
    floors = [row for row in rows if row["floor"] and row["arm"]]
    shown = []
    for floor in floors:
        times = whole["arm"]["instructions"] / floor["arm"]["instructions"]
        shown.append(f"{times:.2f} × those of {floor['name']}")
    return f"User instructions of `azmin get`: {'; '.join(shown)}. Server, handshake and request are the same."


def table(head, rows):
    """Numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def named(row):
    return f"floor: {row['name']}" if row["floor"] else row["name"]


def weight(row):
    seconds = row["build_seconds"]
    return [named(row), size(row["size"]), row["packages"], "–" if seconds is None else f"{seconds:.1f}"]


def costs(figures):
    wall = figures["wall"]
    return [
        count(figures["instructions"]),
        f"{figures['calls']:,}",
        f"× {wall:.2f}" if wall < 10 else f"× {wall:.0f}",
        size(figures["resident"]),
    ]


def library(row):
    figures = row["library"]
    kept = figures["kept"]
    shown = f"× {kept['ratio']:.1f} ({kept['nanoseconds']:.0f} ns)" if kept else "keeps none"
    # azmin's library is the same in its commands.
    name = "azmin" if row["name"].startswith("azmin") else row["name"]
    return [name, count(figures["instructions"]), f"{figures['allocations']:,.0f}", shown]


def size(bytes_):
    if bytes_ < 10_000:
        return f"{bytes_ / 1e3:.1f} kB"
    if bytes_ < 1_000_000:
        return f"{bytes_ / 1e3:.0f} kB"
    return f"{bytes_ / 1e6:.2f} MB" if bytes_ < 10_000_000 else f"{bytes_ / 1e6:.0f} MB"


def count(number):
    if number < 1_000_000:
        return f"{number / 1e3:.1f} thousand"
    return f"{number / 1e6:.2f} million" if number < 100_000_000 else f"{number / 1e6:,.0f} million"


ROW, LEFT, WIDTH, TOP = 34, 250, 640, 56
STYLE = """
    text { font: 12px sans-serif; fill: #6e7781 }
    .title { font-size: 14px; font-weight: bold }
    .token { fill: #2f81f7 }
    .arm { fill: #d29922 }
    line { stroke: #8b949e; stroke-opacity: .35 }
    @media (prefers-color-scheme: dark) { text { fill: #9da7b3 } }
"""


def chart(rows):
    """User instructions on a log scale, as SVG; the colours are readable on light and on dark."""
    figures = [row[work]["instructions"] for row in rows for work in ("token", "arm") if row[work]]
    low, high = math.floor(math.log10(min(figures) / 2)), math.log10(max(figures))
    height = TOP + ROW * len(rows) + 30

    def across(number):
        return LEFT + (math.log10(number) - low) / (high - low) * WIDTH

    title = "User instructions from exec to exit, logarithmic: each line is ten times the one before"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 110} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="20">{title}</text>',
        '<rect class="token" x="8" y="30" width="12" height="12"/><text x="26" y="41">a token</text>',
        '<rect class="arm" x="98" y="30" width="12" height="12"/>',
        '<text x="116" y="41">a token and Resource Manager over TLS</text>',
    ]
    for power in range(low, math.floor(high) + 1):
        x = across(10**power)
        lines.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - 24}"/>')
        lines.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{power_of_ten(power)}</text>')
    for index, row in enumerate(rows):
        y = TOP + ROW * index
        lines.append(f'<text x="{LEFT - 8}" y="{y + 21}" text-anchor="end">{html.escape(named(row))}</text>')
        done = [work for work in ("token", "arm") if row[work]]
        for place, work in enumerate(done):
            number = row[work]["instructions"]
            top = y + (4 if len(done) == 2 else 11) + place * 13
            lines.append(f'<rect class="{work}" x="{LEFT}" y="{top}" width="{across(number) - LEFT:.1f}" height="11"/>')
            lines.append(f'<text x="{across(number) + 5:.1f}" y="{top + 10}">{count(number)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def power_of_ten(power):
    thousands, rest = divmod(power, 3)
    return f"{10**rest} {['', 'thousand', 'million', 'billion'][thousands]}"
