"""The commands that README, docs and other pages tell a reader to type: which there are, and which of them a test cannot run, with the reason."""

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
# What blocks hold: `sh` is run, the others are no commands. Anything else would be a block that nobody runs.
LANGUAGES = {"sh", "rust", "toml", "yaml", "ini", "text"}
# The only commands that are not run, by reason; a pattern is of a command, or of a page and its command.
EXEMPT = {
    "bench": r"make bench\b",
    "soak": r"make soak\b",
    "package": r"make package\b",
    "deploy": r"make (deploy|smoke|outputs|rehearse|destroy|purge)\b",
    "needs an AWS account": r'aws |eval "\$\(aws |operator firewall ',
    "is what CI runs": r"make (test|lint-infra)(?![\w-])",
    "builds for minutes, and make test-long runs it": r"fork\.md: (cargo test --package offers|make demo)\b",
}
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Programs that can say whether they know every word of a command.
PROGRAM = r"(?:target/debug/)?(?:control-plane|operator|local|make) "
INLINE = re.compile(rf"`({PROGRAM}[^`\n]+)`")


def blocks(text):
    """The language of each fenced block, and what it holds."""
    return FENCE.findall(text)


def commands(block):
    """The commands of a block, each on one line, with what the comment behind it says."""
    lines = (line.partition("  #") for line in block.replace("\\\n", " ").splitlines())
    return [(" ".join(command.split()), comment.strip()) for command, _, comment in lines if command.strip() and not command.startswith("#")]


def reason(page, command):
    """Why this command of a page is not run; nothing if it is."""
    return next((why for why, pattern in EXEMPT.items() if re.match(pattern, command) or re.match(pattern, f"{page}: {command}")), None)


def inline(text):
    """The commands outside of blocks."""
    return INLINE.findall(FENCE.sub("", text))


def others():
    """All other pages, such as a crate's."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    return sorted({PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()} - set(PAGES))


def elsewhere():
    """The commands of those programs on all other pages, with the page's path; what a shell makes of them is left out."""
    for path in others():
        text = path.read_text()
        shown = [command for language, block in blocks(text) if language == "sh" for command, _ in commands(block) if re.match(PROGRAM, command)]
        yield from ((path.relative_to(PROJECT).as_posix(), re.split(" [|>&]", command)[0]) for command in inline(text) + shown)


def of_aws():
    """The commands of AWS's CLI on every page that are operations of a service, and not what the CLI makes of several."""
    for path in [*PAGES, *others()]:
        text = path.read_text()
        shown = [command for language, block in blocks(text) if language == "sh" for command, _ in commands(block)]
        for command in shown + re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
            if match := re.match(r"aws (?!configure|cloudformation deploy)([a-z-]+) ([a-z-]+)", command):
                yield path.relative_to(PROJECT).as_posix(), match[1], match[2], tuple(re.findall(r" --([a-z-]+)", command))
