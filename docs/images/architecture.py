"""Draws the three accounts and one trace across them, for light and dark pages: python3 docs/images/architecture.py"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1120, 470
NODE_WIDTH, NODE_HEIGHT = 132, 48


@dataclass(frozen=True)
class Theme:
    page: str
    account: str
    border: str
    node: str
    text: str
    quiet: str
    trace: str
    on_trace: str


THEMES = {
    "light": Theme("#ffffff", "#f3f6fb", "#c3ccd9", "#ffffff", "#101828", "#475467", "#c2410c", "#ffffff"),
    "dark": Theme("#0d1117", "#161b22", "#3d4654", "#21262d", "#e6edf3", "#9da7b3", "#fb923c", "#0d1117"),
}

# Each account: its name, and the left, top, right and bottom of its band.
ACCOUNTS = [
    ("Account A: booking", 150, 14, 636, 306),
    ("Account B: mileage", 664, 14, 1106, 306),
    ("Account C: observability", 150, 366, 1106, 456),
]

# Each node: its centre, its name, what it is.
NODES = {
    "portal": (70, 112, "Portal", "browser"),
    "gateway": (236, 112, "API Gateway", "checks the token"),
    "booking": (396, 112, "booking-api", "Lambda"),
    "reservations": (556, 112, "reservations", "DynamoDB"),
    "publisher": (396, 240, "booking-publisher", "Lambda"),
    "topic": (556, 240, "booking-events", "SNS"),
    "queue": (754, 240, "mileage-bookings", "SQS"),
    "accrual": (926, 240, "mileage-accrual", "Lambda"),
    "ledger": (1018, 112, "ledger", "DynamoDB"),
    "mileage": (780, 112, "mileage-api", "Lambda"),
    "plane": (540, 411, "control plane", "traces, service map, objectives"),
    "cloudwatch": (850, 411, "CloudWatch and X-Ray", "alarms, logs, canary"),
}
WIDE = {"plane": 230, "cloudwatch": 230, "publisher": 152, "queue": 152, "portal": 96}

# The trace of one booking, and what carries it from step to step where that is not a call.
TRACE = ["portal", "gateway", "booking", "reservations", "publisher", "topic", "queue", "accrual", "ledger"]
CARRIED = ["One trace id,", "carried by", "1–3 traceparent", "4–5 the stored item", "6–7 attributes of", "the message"]


def node(name: str, theme: Theme) -> str:
    x, y, title, kind = NODES[name]
    width = WIDE.get(name, NODE_WIDTH)
    edge = theme.trace if name in TRACE else theme.border
    return (
        f'<rect x="{x - width / 2:g}" y="{y - NODE_HEIGHT / 2:g}" width="{width}" height="{NODE_HEIGHT}" rx="8" fill="{theme.node}" stroke="{edge}" stroke-width="1.5"/>'
        f'<text x="{x}" y="{y - 3}" class="name">{escape(title)}</text><text x="{x}" y="{y + 14}" class="kind">{escape(kind)}</text>'
    )


def edges(theme: Theme) -> list[str]:
    points = " ".join(f"{NODES[name][0]},{NODES[name][1]}" for name in TRACE)
    (x1, y1), (x2, y2) = NODES["mileage"][:2], NODES["ledger"][:2]
    telemetry = [
        f'<line x1="{x}" y1="306" x2="{x}" y2="362" stroke="{theme.quiet}" stroke-width="1.5" stroke-dasharray="4 4" marker-end="url(#arrow)"/>' for x in (393, 885)
    ]
    return [
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{theme.border}" stroke-width="2"/>',
        f'<polyline points="{points}" fill="none" stroke="{theme.trace}" stroke-width="5" stroke-linejoin="round"/>',
        *telemetry,
    ]


def step(number: int, name: str, theme: Theme) -> str:
    x, y = NODES[name][:2]
    x, y = x - WIDE.get(name, NODE_WIDTH) / 2 + 2, y - NODE_HEIGHT / 2 + 1
    return f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="{theme.trace}"/><text x="{x:g}" y="{y + 4:g}" class="step">{number}</text>'


def picture(theme: Theme) -> str:
    bands = [
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="12" fill="{theme.account}" stroke="{theme.border}"/>'
        f'<text x="{left + 16}" y="{top + 26}" class="account">{name}</text>'
        for name, left, top, right, bottom in ACCOUNTS
    ]
    carried = [f'<text x="14" y="{200 + 18 * line}" class="carried">{escape(text)}</text>' for line, text in enumerate(CARRIED)]
    parts = [
        *bands,
        *edges(theme),
        *(node(name, theme) for name in NODES),
        *(step(number, name, theme) for number, name in enumerate(TRACE, 1)),
        *carried,
        '<text x="639" y="341" class="otlp">every function sends spans, metrics and logs</text>',
    ]
    body = "\n  ".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">
  <title id="title">Three accounts, and the trace of one booking from the portal to the ledger of account B</title>
  <style>
    text {{ font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: {theme.text}; text-anchor: middle }}
    .account {{ font-weight: 600; text-anchor: start }} .name {{ font-weight: 600 }} .kind, .otlp {{ font-size: 12px; fill: {theme.quiet} }}
    .carried {{ font-size: 12px; fill: {theme.trace}; text-anchor: start }}
    .step {{ font-size: 11px; font-weight: 700; fill: {theme.on_trace} }}
  </style>
  <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{theme.quiet}"/></marker></defs>
  <rect width="{WIDTH}" height="{HEIGHT}" fill="{theme.page}"/>
  {body}
</svg>
"""


def main() -> None:
    for name, theme in THEMES.items():
        (FOLDER / f"architecture-{name}.svg").write_text(picture(theme))


if __name__ == "__main__":
    main()
