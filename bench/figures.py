"""Puts measured figures into README, docs and the READMEs of bench and soak.

    python3 bench/figures.py            writes the marked parts of all pages from figures.json and figures.md
    python3 bench/figures.py RUN...     first takes into figures.json what these runs have just measured (demo: runs it)

A page marks a part by <!-- figures: NAME --> and <!-- /figures -->, and the section NAME of figures.md says what stands there:
{run/figure} is a figure with its unit, {run/figure:.2f} its number alone, {run@command} what measured it, {run@how} a sentence with
machine, date and commit, and {run@table} what a run measured as a table, or printed. A figure that no run has measured yet is null.
infra/checks/test_docs.py holds the pages against this, and the figures against the bounds of bench/src/report.rs.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES, SECTIONS = ROOT / "bench/figures.json", ROOT / "bench/figures.md"
MARKED = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
PLACE = re.compile(r"\{([\w-]+)(?:/([\w.]+)(?::([^}]+))?|@(\w+))\}")
# Where a run leaves its figures, if not in target/bench/report.json.
REPORTS = {"faults": "target/reliability.json", "soak": "target/soak.json"}
EXAMPLE = "4bf92f3577b34da6a3ce929d0e0e4736"
# By how much a ratio of two equal things differs from 1 from run to run.
NOISE = 0.03


def rounded(number):
    """Three significant digits of what is at least 100, two of what is less: runs do not agree on more."""
    digits = 3 if abs(number) >= 100 else 2
    return f"{float(f'{number:.{digits}g}'):,.10g}"


def text_of(name, number):
    """A figure as a page says it; its name has its unit."""
    if number is None:
        return "not measured"
    if "_ratio" in name:
        if number <= 1 + NOISE:
            return "no measurable cost"
        return f"{100 * (number - 1):.0f} % more" if number < 2 else f"{rounded(number)} times as much"
    if name.endswith("_share"):
        return f"{rounded(100 * number)} %"
    if name.endswith("_bytes"):
        return f"{number / 1e6:.1f} MB"
    unit = re.search(r"_(ns|us|ms|s|mb)(?:_|$)", name)
    if not unit or "_per_s" in name:
        return rounded(number)
    unit = {"us": "µs", "mb": "MB"}.get(unit[1], unit[1])
    if unit == "ms" and number >= 1000:
        unit, number = "s", number / 1000
    if unit == "s" and number >= 120:
        unit, number = "min", number / 60
    return f"{rounded(number)} {unit}"


def how(run):
    if "commit" not in run:
        return f"Not measured yet: `{run['command']}`."
    beside = f" Beside it: {run['beside']}." if "beside" in run else ""
    return f"`{run['command']}` on {run['date']}, at commit {run['commit']}, on a machine with {run['machine']}.{beside}"


def fault_table(rows):
    columns = ["injected", "requests", "lost", "duplicates", "traces_broken", "traces_with_gaps"]
    lines = ["| fault | injected | requests | lost | duplicates in effect | traces broken | traces with gaps | recovery |", "|---" * 8 + "|"]
    for row in rows:
        lines.append("| " + " | ".join([row["fault"], *(str(row[column]) for column in columns), f"{row['recovery_ms'] / 1000:.1f} s"]) + " |")
    return "\n".join(lines)


def soak_table(soak):
    kinds = ", ".join(f"{kind} {count}" for kind, count in soak["faults"])
    lines = [
        f"{soak['minutes']:g} min, seed {soak['seed']}: {soak['bookings']} bookings, {soak['cancelled']} of them cancelled, {soak['retries']} requests "
        f"repeated by their clients, {sum(count for _, count in soak['faults'])} faults ({kinds}). "
        f"Quiet {soak['quiet_after']:.1f} s after the last booking, differences: {soak['differences']}.",
        "",
        "| program | memory in the second quarter | in the last |",
        "|---|---|---|",
    ]
    return "\n".join(lines + [f"| {name} | {second:.1f} MB | {last:.1f} MB |" for name, second, last in soak["memory"]])


def transcript(figures):
    return "\n".join(["```text", *figures["trace"], "```"])


TABLES = {"faults": fault_table, "soak": soak_table, "demo": transcript}


def filled(text, runs):
    """A section with its figures; a name that no run has is a KeyError."""

    def figure(place):
        name, key, form, of_run = place.groups()
        run = runs[name]
        if of_run:
            return {"how": how, "table": lambda run: TABLES[name](run["figures"])}.get(of_run, lambda run: run[of_run])(run)
        number = run["figures"][key]
        return format(number, form) if form and number is not None else text_of(key, number)

    return PLACE.sub(figure, text)


def sections(text):
    """What figures.md says, by name."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() + "\n" for name, body in zip(parts[::2], parts[1::2])}


def written(page, words, runs):
    """A page with its marked parts as they should be."""
    return MARKED.sub(lambda part: part[1] + filled(words[part[2]], runs) + part[3], page)


def named(words):
    """Each run with the figures that pages name of it."""
    found = {}
    for run, figure, *_ in PLACE.findall(words):
        found.setdefault(run, set()).update([figure] if figure else [])
    return found


def bounds(source):
    """What each bounded figure may be at most; at least, if its name ends with _per_s."""
    table = source.split("const BOUNDS", 1)[1].split("];", 1)[0]
    return {name: float(bound) for name, bound in re.findall(r'\("([\w.]+)", ([\d._e]+)\)', table)}


def beyond(runs, limits):
    """The figures beyond their bounds, without those of which the run says why."""
    for name, run in runs.items():
        for figure in run["figures"].keys() & limits.keys() if isinstance(run["figures"], dict) else ():
            number, limit = run["figures"][figure], limits[figure]
            kept = number is None or (number >= limit if figure.endswith("_per_s") else number <= limit)
            if kept == (figure in run.get("beyond", {})):
                yield f"{name}/{figure}: {number}, and its bound is {limit}" + (": no longer beyond it" if kept else "")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def reported(name, command):
    """What the report of a run says of the figures that pages name."""
    report = ROOT / REPORTS.get(name, "target/bench/report.json")
    measured = json.loads(report.read_text())
    if name in REPORTS:
        return measured
    wanted = named(SECTIONS.read_text())[name]
    if missing := sorted(wanted - measured.keys()):
        sys.exit(f"{report.relative_to(ROOT)} is not of `{command}`: it lacks {', '.join(missing)}")
    return {figure: round(measured[figure], 4) for figure in sorted(wanted)}


def demo():
    """How long a demo takes, and what it prints of the first booking's trace."""
    started = time.monotonic()
    printed = subprocess.run(["target/debug/local", "demo", "--once"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {"demo_s": round(time.monotonic() - started, 1), "trace": first_trace(printed)}


def first_trace(printed):
    """The lines of the first trace in a demo's output, with the trace id of W3C's examples."""
    lines = re.search(r"^trace [0-9a-f]{32} .*?(?=^http)", printed, re.DOTALL | re.MULTILINE)[0]
    trace_id = lines.split()[1]
    for form in ("{0}{1}", "1-{0}-{1}"):
        lines = lines.replace(form.format(trace_id[:8], trace_id[8:]), form.format(EXAMPLE[:8], EXAMPLE[8:]))
    return [line.rstrip() for line in lines.splitlines()]


def take(name, runs, commit, beside):
    """Takes what a run has just measured into `runs`."""
    source = ROOT / ("target/debug/local" if name == "demo" else REPORTS.get(name, "target/bench/report.json"))
    made = source.stat().st_mtime
    if not commit:
        if git("status", "--porcelain", "--", "*.rs", "Cargo.*"):
            sys.exit("commit the code first: figures name the commit that was measured; or give --commit")
        commit, committed = git("log", "-1", "--format=%h %ct", "--", "*.rs", "Cargo.*").split()
        if made < int(committed):
            sys.exit(f"{source.relative_to(ROOT)} is older than the code of {commit}: measure again, or give --commit")
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    told = {key: runs[name][key] for key in ("command", "beyond") if key in runs[name]}
    runs[name] = told | ({"beside": beside} if beside else {}) | {
        "machine": f"{os.cpu_count()} cores ({platform.machine()}) and {memory} GB",
        "date": time.strftime("%Y-%m-%d", time.gmtime(made)),
        "commit": commit,
        "figures": demo() if name == "demo" else reported(name, runs[name]["command"]),
    }
    if name == "soak":
        runs[name]["command"] = f"make soak MINUTES={runs[name]['figures']['minutes']:g}"


def age(run):
    """How old a run is, unless the code is still the one that was measured."""
    if "commit" not in run:
        return "was never measured"
    try:
        later = int(git("rev-list", "--count", f"{run['commit']}..HEAD", "--", "*.rs", "Cargo.*"))
    except subprocess.CalledProcessError:  # A fork, or a clone without all of its past.
        return "was measured at a commit that is not here"
    return later and f"was measured {later} commits of code ago"


def main():
    parser = argparse.ArgumentParser(description="Takes measured figures and writes them into the pages.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run of figures.json that was just measured")
    parser.add_argument("--commit", help="the commit that was measured, if it is not the checked-out one")
    parser.add_argument("--beside", help="what else the machine did meanwhile")
    asked = parser.parse_args()
    runs = json.loads(FIGURES.read_text())
    for name in asked.runs:
        take(name, runs, asked.commit, asked.beside)
    FIGURES.write_text(json.dumps(runs, indent=2, ensure_ascii=False) + "\n")
    words = sections(SECTIONS.read_text())
    for name in git("ls-files", "*.md").split():
        page = (ROOT / name).read_text()
        if (new := written(page, words, runs)) != page:
            (ROOT / name).write_text(new)
            print(f"wrote {name}")
    for name, run in runs.items():
        if said := age(run):
            print(f"{name} {said}: {run['command']}")


if __name__ == "__main__":
    main()
