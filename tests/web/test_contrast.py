"""The colours of the design system: whoever sees badly reads them, in the light and in the dark theme (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from itertools import combinations
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
STYLES = PROJECT / "control-plane/server/src/assets/styles"
TOKENS = STYLES / "tokens.css"
PORTAL = PROJECT / "portal/src/style.css"
SURFACES = ["page", "card", "panel"]
MEANINGS = ["ok", "error", "throttle", "fault"]
SERIES = [f"series-{number}" for number in range(1, 11)]


def theme(css: Path, name: str) -> dict[str, str]:
    """Each colour of a theme by its name, as `#rrggbb`; what the dark theme does not say is as in the light one."""
    light, _, dark = css.read_text().partition("@media (prefers-color-scheme: dark)")
    colours = lambda css: dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", css))
    return colours(light) | (colours(dark.partition("\n}")[0]) if name == "dark" else {})


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    """What a reader prefers."""
    return request.param


@pytest.fixture
def colours(scheme):
    """The colours of one theme."""
    return theme(TOKENS, scheme)


def linear(colour: str) -> list[float]:
    """Red, green and blue without the gamma of sRGB."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    luminance = lambda colour: sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear(colour)))
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def oklab(colour: str) -> list[float]:
    """Lightness and two axes of hue, by which equal distances look equal: https://bottosson.github.io/posts/oklab/"""
    red, green, blue = linear(colour)
    cones = [
        (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3),
        (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3),
        (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3),
    ]
    rows = [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ]
    return [sum(weight * cone for weight, cone in zip(row, cones)) for row in rows]


def pairs(texts: list[str], grounds: list[str]) -> list[tuple[str, str]]:
    """Each text on each ground."""
    return [(text, ground) for text in texts for ground in grounds]


def too_faint(colours: dict[str, str], wanted: list[tuple[str, str]], least: float) -> list[str]:
    """The pairs whose contrast is less than it must be, with their contrast."""
    found = {(one, other): contrast(colours[one], colours[other]) for one, other in wanted}
    return [f"{one} on {other}: {ratio:.2f}" for (one, other), ratio in found.items() if ratio < least]


def test_text_is_readable(colours):
    """4.5:1, wherever text of a colour may stand."""
    softs = [f"{meaning}-soft" for meaning in MEANINGS] + ["accent-soft"]
    wanted = (
        pairs(["text", "faint"], SURFACES + softs)
        + pairs(["link", *MEANINGS], SURFACES)
        + [(meaning, f"{meaning}-soft") for meaning in MEANINGS]
        + [("link", "accent-soft"), ("on-accent", "accent"), ("card", "accent")]
        + pairs(["on-series"], SERIES)
    )
    assert not too_faint(colours, wanted, 4.5)


def test_lines_and_marks_can_be_seen(colours):
    """3:1: edges of fields, the focus, lines and bars."""
    wanted = pairs(["edge", "focus", "path", *MEANINGS, *SERIES], SURFACES)
    assert not too_faint(colours, wanted, 3)


def test_series_can_be_told_apart(colours):
    """No two of the palette look alike beside each other."""
    distances = {
        (one, other): sum((a - b) ** 2 for a, b in zip(oklab(colours[one]), oklab(colours[other]))) ** 0.5
        for one, other in combinations(SERIES, 2)
    }
    assert not {pair: distance for pair, distance in distances.items() if distance < 0.06}


def test_the_portals_own_colours_can_be_seen(scheme, colours):
    """The airline's: text on its dark blue, and a route on card and sea."""
    colours = colours | theme(PORTAL, scheme)
    on_brand = pairs(["on-brand", "faint-on-brand", "standard-on-brand", "spark"], ["brand"])
    assert not too_faint(colours, [*on_brand, ("on-brand", "here-on-brand"), ("text", "sea")], 4.5)
    assert not too_faint(colours, [*pairs(["route"], ["card", "sea"]), ("spark", "brand"), ("brand-line", "brand")], 3)


def test_the_portal_has_no_design_of_its_own():
    """It takes the tokens as they are: what it names besides has another name, and no rule has a colour without one."""
    css = PORTAL.read_text()
    assert f'@import "../../{TOKENS.relative_to(PROJECT)}";' in css
    named = lambda css: set(re.findall(r"^ +--([a-z0-9-]+):", css, re.MULTILINE))
    assert not named(css) & named(TOKENS.read_text())
    rules = css.partition("* {")[2] + (PORTAL.parent / "service/service.css").read_text()
    assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb\(", rules)
    assert set(re.findall(r"var\(--([a-z0-9-]+)", rules)) <= named(css) | named(TOKENS.read_text())


def test_no_page_has_a_colour_without_a_name():
    """Or it would be of one theme alone, and nobody would hold it to a contrast."""
    named = set(re.findall(r"--([a-z0-9-]+):", TOKENS.read_text()))
    scripts = "".join(script.read_text() for script in STYLES.with_name("scripts").glob("*.js"))
    for part in sorted(STYLES.glob("*.css")):
        rules = part.read_text()
        if part != TOKENS:
            assert not re.findall(r"#[0-9a-f]{3,8}\b(?![^{}]*\{)|rgb\(", rules), part.name
        # What scripts say of a single element, too.
        local = set(re.findall(r"--([a-z0-9-]+):", rules)) | set(re.findall(r'"--([a-z0-9-]+)"', scripts))
        unknown = set(re.findall(r"var\(--([a-z0-9-]+)", rules)) - named - local
        assert not unknown, f"{part.name}: {unknown}"


def test_both_themes_name_the_same_colours():
    """A colour that the dark theme forgot would be the light one's."""
    light, dark = TOKENS.read_text().split("@media (prefers-color-scheme: dark)")
    names = [set(re.findall(r"--([a-z0-9-]+): #", css)) for css in (light, dark)]
    assert names[0] == names[1]
