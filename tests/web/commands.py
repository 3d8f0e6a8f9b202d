"""The commands that README and docs tell a reader to type: which there are, and which of them a test cannot run, with the reason."""

import re
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
# A command within a sentence or a table, of a program that can say whether it knows every word of it.
INLINE = re.compile(r"`((?:target/debug/)?(?:control-plane|operator|local|make) [^`\n]+)`")


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
