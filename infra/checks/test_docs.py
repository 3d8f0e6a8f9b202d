"""README, docs and the READMEs of crates lead somewhere: every link has a file, and every anchor a heading."""

import importlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from project import ROOT

FENCED = re.compile(r"^ *(```+|~~~+).*?^ *\1", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:src|href|srcset)=\"([^\"]+)\"")
# How sources name a page, and perhaps one of its headings: `docs/operate.md, "An API is slow"`, `docs/control-plane.md#access`.
NAMED = re.compile(r"\bdocs/[\w./-]+\.(?:md|yaml)(?:#([\w-]+)|, \"([^\"]+)\")?")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def prose(text):
    """The text without code, in which brackets are no links."""
    return re.sub(r"(`+).+?\1", "", FENCED.sub("", text), flags=re.DOTALL)


def anchors(text):
    """The anchors that GitHub makes of headings (https://docs.github.com/get-started/writing-on-github#section-links)."""
    found = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCED.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        times = found[anchor] = found.get(anchor, -1) + 1
        if times:
            found[f"{anchor}-{times}"] = 0
    return set(found) | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def dead(page, text, there=lambda path: path.exists(), read=Path.read_text):
    """The links of a page that lead nowhere."""
    for link in (first or second for first, second in LINK.findall(prose(text))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        path = (page.parent / name).resolve() if name else page
        if name and not there(path):
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(text if path == page else read(path)):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("page", tracked("*.md"))
def test_every_link_leads_somewhere(page):
    assert list(dead(ROOT / page, (ROOT / page).read_text())) == []


def test_every_page_that_sources_name_is_there():
    wrong = []
    for name in tracked("*.rs", "*.py", "*.toml", "*.yaml", "*.yml", "*.json", "*.js", "*.ts", "*.tsx", "*.sql", "Makefile", ".ci/*", ".cargo/*", "*.md"):
        text = (ROOT / name).read_text()
        for match in NAMED.finditer(text):
            before = text[: match.start()]
            if before.endswith(("/", ".")) or name == "infra/checks/test_docs.py":
                continue  # Another site's page, or a path that test_every_link_leads_somewhere reads.
            path = ROOT / match[0].split(",")[0].partition("#")[0]
            if not path.is_file():
                wrong.append(f"{name}: {match[0]}: no such page")
            elif match[1] and match[1] not in anchors(path.read_text()):
                wrong.append(f"{name}: {match[0]}: no such heading")
            elif match[2] and not re.search(rf"^#+ {re.escape(match[2])}$", path.read_text(), re.MULTILINE):
                wrong.append(f"{name}: {match[0]}: no such heading")
    assert wrong == []


def steps(read=Path.read_text):
    """How many links lead from the README to each file, and to each heading that a link names."""
    found, layer = {ROOT / "README.md": 0}, [ROOT / "README.md"]
    while layer:
        beyond = []
        for page in layer:
            for link in (first or second for first, second in LINK.findall(prose(read(page)))):
                name, _, anchor = link.partition("#")
                path = (page.parent / name).resolve() if name else page
                for place in {path, (path, anchor) if anchor else path} - found.keys() if ":" not in link else ():
                    found[place] = found[page] + 1
                    beyond += [place] if place == path and path.suffix == ".md" and path.is_file() else []
        layer = beyond
    return found


def test_every_page_is_at_most_three_links_from_the_readme():
    found = steps()
    assert [name for name in tracked("*.md") if found.get(ROOT / name, 4) > 3] == []


@pytest.mark.parametrize(
    ("task", "file", "heading"),
    [
        ("adopt the crates", "docs/adopt.md", "a-function-behind-api-gateway"),
        ("find where SNS gets its context", "shared/tenant-telemetry/src/aws_sdk/sns.rs", None),
        ("read one failed booking", "docs/operate.md", "which-tenant-is-hurting-and-why"),
        ("deploy", "docs/deploy.md", "5-deploy"),
        ("add an alert", "docs/slo.md", "change-an-objective-or-add-an-alert"),
    ],
)
def test_a_readers_task_is_at_most_three_steps_from_the_readme(task, file, heading):
    """A step is a link, or a heading on the page that it leads to."""
    found, path = steps(), ROOT / file
    assert heading is None or heading in anchors(path.read_text()), f"{task}: {file} has no such heading"
    assert found.get((path, heading) if heading else path, found.get(path, 4) + 1) <= 3, f"{task}: {found.get(path)} links to {file}"


def test_every_page_is_in_the_index():
    index = (ROOT / "docs/README.md").read_text()
    pages = [name.removeprefix("docs/") for name in tracked("docs/*.md", "docs/*.yaml") if "/decisions/" not in name and name != "docs/README.md"]
    assert [page for page in pages if f"]({page})" not in index] == []
    decisions = (ROOT / "docs/decisions/README.md").read_text()
    assert [name for name in tracked("docs/decisions/[0-9]*.md") if f"]({Path(name).name})" not in decisions] == []


def test_every_decision_has_its_parts():
    for number, name in enumerate(sorted(tracked("docs/decisions/[0-9]*.md")), 1):
        text = (ROOT / name).read_text()
        assert text.startswith(f"# {number}. ") and Path(name).name.startswith(f"{number:04}-"), name
        assert re.search(r"^Status: (accepted|superseded by \[\d+\]\(.+\))\. Date: \d{4}-\d\d-\d\d\.$", text, re.MULTILINE), name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Declined"], name


def test_every_promise_has_its_code_and_its_test():
    promises = [line for line in (ROOT / "docs/promises.md").read_text().splitlines() if line.startswith("- ")]
    assert len(promises) > 50
    wrong = []
    for promise in promises:
        code, test = promise.split(".** ")[1].split(": ", 1)
        for cell in (code, test):
            folder = ROOT
            names = [name for name in re.findall(r"`([^`]+)`", cell) if not name.startswith("make ")]
            for name in names:
                # What is not below the root is beside the file before it.
                found = [*ROOT.glob(name.rstrip("/")), *folder.glob(name.rstrip("/"))]
                folder = found[0].parent if found else folder
                wrong += [] if found else [f"{promise}: {name}"]
            wrong += [] if names or "make bench" in cell else [promise]
    assert wrong == []


def test_the_picture_of_the_architecture_is_what_its_source_draws(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/images")
    architecture = importlib.import_module("architecture")
    for name, theme in architecture.THEMES.items():
        assert (ROOT / f"docs/images/architecture-{name}.svg").read_text() == architecture.picture(theme)


@pytest.fixture
def figures(monkeypatch):
    """The script that puts figures into pages."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module("figures")


def test_every_figure_in_a_page_is_the_measured_one(figures):
    runs, words = json.loads(figures.FIGURES.read_text()), figures.sections(figures.SECTIONS.read_text())
    used = set()
    for name in tracked("*.md"):
        page = (ROOT / name).read_text()
        assert page == figures.written(page, words, runs), f"{name} does not say what bench/figures.json does: python3 bench/figures.py"
        used |= {part for _, part, _ in figures.MARKED.findall(page)}
    assert used == words.keys()


def test_every_figure_keeps_within_its_bound_or_says_why_not(figures):
    limits, runs = figures.bounds((ROOT / "bench/src/report.rs").read_text()), json.loads(figures.FIGURES.read_text())
    assert len(limits) > 40
    assert list(figures.beyond(runs, limits)) == []
    named = figures.named(figures.SECTIONS.read_text())
    assert limits.keys() <= set().union(*named.values()), "a figure with a bound is on no page"
    assert {run: names for run, names in named.items() if names} == {run: runs[run]["figures"].keys() - {"trace"} for run in runs if run not in figures.REPORTS}


def test_a_demos_trace_is_told_without_its_id(figures):
    trace_id = "6b093de2cbb388144820d06f57b83170"
    printed = f"One:\n\ntrace {trace_id}  1-6b093de2-cbb388144820d06f57b83170  9 spans\nPOST /bookings  60.3 ms  █ \nNothing stopped it.\nhttp://127.0.0.1\ntrace …"
    first, *rest = figures.first_trace(printed)
    assert first == f"trace {figures.EXAMPLE}  1-4bf92f35-77b34da6a3ce929d0e0e4736  9 spans"
    assert rest == ["POST /bookings  60.3 ms  █", "Nothing stopped it."]


def test_a_figure_that_was_changed_by_hand_or_is_beyond_its_bound_is_found(figures):
    run = {"command": "bench", "machine": "2 cores", "date": "2026-11-27", "commit": "abc", "figures": {"jwt.verify_us": 19.1}}
    page = "Before.\n<!-- figures: verify -->\n20 µs\n<!-- /figures -->\n"
    assert figures.written(page, {"verify": "{functions/jwt.verify_us}\n"}, {"functions": run}) == page.replace("20", "19")
    with pytest.raises(KeyError):
        figures.written(page, {"verify": "{functions/jwt.verified_us}\n"}, {"functions": run})
    assert list(figures.beyond({"functions": run}, {"jwt.verify_us": 60})) == []
    assert list(figures.beyond({"functions": run}, {"jwt.verify_us": 10})) == ["functions/jwt.verify_us: 19.1, and its bound is 10"]
    assert list(figures.beyond({"functions": run | {"beyond": {"jwt.verify_us": "beside builds"}}}, {"jwt.verify_us": 10})) == []
    assert list(figures.beyond({"functions": run | {"beyond": {"jwt.verify_us": "beside builds"}}}, {"jwt.verify_us": 60})) != []


@pytest.mark.parametrize(
    ("name", "number", "says"),
    [
        ("booking_api.otlp_20ms.response_p50_ratio", 0.96, "no measurable cost"),
        ("booking_api.otlp_0ms.cpu_ratio", 1.149, "15 % more"),
        ("booking_api.spawn_to_poll_cpu_ratio_to_bare", 2.456, "2.5 times as much"),
        ("control_plane.intake_spans_per_s", 59765, "59,800"),
        ("control_plane.disk_bytes_per_span", 387.2, "387"),
        ("booking_api.binary_bytes", 8994952, "9.0 MB"),
        ("quota.cpu_us_per_request", 3.886, "3.9 µs"),
        ("queue_simulation.quiet_wait_p99_ms", 31100, "31 s"),
        ("flood.without_quotas.others_errors_share", 0.43, "43 %"),
        ("ci_s", 2940, "49 min"),
        ("points_lost", 0, "0"),
        ("spans_lost", None, "not measured"),
    ],
)
def test_a_figure_is_rounded_to_what_runs_agree_on(figures, name, number, says):
    assert figures.text_of(name, number) == says


def sentences(text):
    """What a page says in sentences: without code, tables, headings and pictures. A piece of code within a sentence counts as a word."""
    text = re.sub(r"<!--.*?-->|<picture>.*?</picture>|<[^>]+>|!\[[^\]]*\]\([^)]*\)", "", FENCED.sub("", text), flags=re.DOTALL)
    text = re.sub(r"`[^`]+`", "code", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
    found = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.) )", text):
        said = " ".join(re.sub(r"^(?:-|\d+\.) |[*_]", "", block.strip()).split()).rstrip(":;,")
        if len(said.split()) > 2 and not block.lstrip().startswith(("|", "#")):
            found.append(said if said.endswith((".", "!", "?")) else f"{said}.")
    return " ".join(found)


@pytest.mark.parametrize("page", ["README.md", *tracked("docs/*.md", "*/README.md")])
def test_a_page_is_easy_to_read(page):
    """By its Flesch-Kincaid grade, the years of school that it takes: ten for the README, eleven for the others."""
    import textstat

    said = sentences((ROOT / page).read_text())
    if len(said.split()) > 60:  # Fewer words tell nothing.
        assert textstat.flesch_kincaid_grade(said) <= (10 if page == "README.md" else 11)


def test_sentences_are_found_between_code_and_tables():
    page = "# A heading here\n\nYou run `make demo ONCE=1`, see [this](x.md):\n\n```sh\nmake demo\n```\n\n| a | table | here |\n\n- A point is made;\n- is it read?\n"
    assert sentences(page) == "You run code, see this. A point is made. is it read?"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1200


def test_docs_without_decisions_have_at_most_12000_words():
    counts = {name: len((ROOT / name).read_text().split()) for name in tracked("docs/*.md") if "/decisions/" not in name}
    assert sum(counts.values()) <= 12_000, f"{counts}: say it in fewer words, or beside the code"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a](nowhere.md)", ["nowhere.md: no such file"]),
        ("[a](#nothing)\n\n## Something", ["#nothing: no such heading"]),
        ("[a](other.md#nothing)", ["other.md#nothing: no such heading"]),
        ('<source srcset="no.svg">', ["no.svg: no such file"]),
        ("## Same\n\n## Same\n\n[a](#same-1) [b](#same-2)", ["#same-2: no such heading"]),
        ("`[a](nowhere.md)`\n\n```\n[a](nowhere.md)\n```\n\n[a](https://example.com/#b) [c](other.md#it-isnt-here)", []),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text, says):
    page = ROOT / "page.md"
    assert list(dead(page, text, lambda path: path.name == "other.md", lambda _: "# It isn't `here`\n")) == says
