"""Counts the regions of modules in what `llvm-cov export` says: regions.py JSON FOLDER LEAST|--missed MODULE...

A generic function has a copy for each type it is used with: a region counts once, and as reached where any copy reached it.
What stands below a file's `mod tests` does not count.
"""

import json
import os
import sys

CODE = 0


def first_line_of_tests(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("mod tests {"):
                return number
    return sys.maxsize


def regions(functions, folder, modules):
    """Of each module: from a region's place to how often it ran."""
    found = {module: {} for module in modules}
    tests = {module: first_line_of_tests(os.path.join(folder, module)) for module in modules}
    for function in functions:
        names = [os.path.relpath(name, folder) for name in function["filenames"]]
        for *place, count, file, _, kind in function["regions"]:
            module = names[file]
            if kind == CODE and module in found and place[0] < tests[module]:
                place = tuple(place)
                found[module][place] = max(found[module].get(place, 0), count)
    return found


def main(report, folder, least, *modules):
    with open(report, encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    found = regions(data["functions"], folder, modules)
    if least == "--missed":
        for module in modules:
            for (line, column, last, end), count in sorted(found[module].items()):
                if count == 0:
                    print(f"src/{module}:{line}:{column}-{last}:{end}")
        return 0
    reached = total = 0
    print(f"{'module':<28} {'regions':>8} {'reached':>8} {'percent':>8}")
    for module in modules:
        counts = found[module].values()
        ran = sum(count > 0 for count in counts)
        reached, total = reached + ran, total + len(counts)
        print(f"{module:<28} {len(counts):>8} {ran:>8} {100 * ran / max(1, len(counts)):>8.1f}")
    percent = 100 * reached / max(1, total)
    print(f"{'all of them':<28} {total:>8} {reached:>8} {percent:>8.1f}")
    empty = [module for module in modules if not found[module]]
    if empty:
        print(f"not in what was built: {' '.join(empty)}", file=sys.stderr)
        return 1
    if percent < float(least):
        print(f"the corpora reach less than {least} % of the regions", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
