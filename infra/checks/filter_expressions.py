"""X-Ray filter expressions, as the X-Ray developer guide describes them.

    expression := all { OR all }
    all        := one { [AND] one }
    one        := "!" one | "(" expression ")" | comparison
    comparison := boolean [ ("=" | "!=") (true | false) ]
                | number operator NUMBER
                | string operator STRING          presence: annotation[key] alone
                | service(...) [ "{" expression "}" ] | edge(..., ...) [ "{" expression "}" ]
                | rootcause paths                 (checked for their operator and value only)
"""

import re

BOOLEAN = {"ok", "error", "throttle", "fault", "partial", "inferred", "first", "last", "remote", "root"}
NUMBER = {"responsetime", "duration", "http.status", "index", "coverage"}
STRING = {"http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type", "message", "availabilityzone",
          "instance.id", "resource.arn"}
TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<annotation>annotation\[[A-Za-z0-9_.:/-]+\]|annotation\.[A-Za-z0-9_]+)
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<punctuation>[(){},:!])
    | (?P<word>[A-Za-z][A-Za-z0-9_.]*)
    )""",
    re.VERBOSE,
)
ORDER = {"=", "!=", "<", "<=", ">", ">="}
TEXT = {"=", "!=", "CONTAINS", "BEGINSWITH", "ENDSWITH"}


class Refused(ValueError):
    """Why an expression is none."""


def parse(text):
    """The expression as nested tuples; raises `Refused`."""
    parser = _Parser(_tokens(text))
    tree = parser.expression()
    if parser.peek() is not None:
        raise Refused(f"unexpected {parser.peek()[1]!r}")
    return tree


def _tokens(text):
    tokens, position = [], 0
    text = text.strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise Refused(f"unreadable from {text[position:position + 20]!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, *accepted):
        token = self.peek()
        if token is None:
            raise Refused("ends too early")
        if accepted and token[1] not in accepted and token[0] not in accepted:
            raise Refused(f"{token[1]!r} where {' or '.join(accepted)} belongs")
        self.at += 1
        return token

    def is_next(self, value):
        return self.peek() is not None and self.peek()[1] == value

    def expression(self):
        tree = self.all()
        while self.is_next("OR"):
            self.take()
            tree = ("or", tree, self.all())
        return tree

    def all(self):
        tree = self.one()
        while self.peek() is not None and self.peek()[1] not in ("OR", ")", "}", ","):
            if self.is_next("AND"):
                self.take()
            tree = ("and", tree, self.one())
        return tree

    def one(self):
        if self.is_next("!"):
            self.take()
            return ("not", self.one())
        if self.is_next("("):
            self.take()
            tree = self.expression()
            self.take(")")
            return tree
        return self.comparison()

    def comparison(self):
        kind, word = self.take("word", "annotation")
        if kind == "annotation":
            if self.peek() is None or (self.peek()[0] != "operator" and self.peek()[1] not in TEXT):
                return ("has", word)
            return (self.take("operator", *TEXT)[1], word, self.take("string", "number", "true", "false")[1])
        if word in ("service", "edge"):
            return self.node(word)
        if word in BOOLEAN:
            if self.peek() is not None and self.peek()[0] == "operator":
                return (self.take("=", "!=")[1], word, self.take("true", "false")[1])
            return ("is", word)
        if word in NUMBER:
            return (self.take(*ORDER)[1], word, float(self.take("number")[1]))
        if word in STRING:
            return (self.take(*TEXT)[1], word, self.take("string")[1])
        raise Refused(f"no such keyword: {word}")

    def node(self, word):
        self.take("(")
        ends = [] if self.is_next(")") else [self.end()]
        while self.is_next(","):
            self.take()
            ends.append(self.end())
        self.take(")")
        if word == "edge" and len(ends) != 2:
            raise Refused("an edge has two ends")
        if word == "service" and len(ends) > 1:
            raise Refused("a service is one")
        inner = None
        if self.is_next("{"):
            self.take()
            inner = self.expression()
            self.take("}")
        return (word, ends, inner)

    def end(self):
        if self.is_next("id"):
            self.take()
            self.take("(")
            parts = {}
            while True:
                key = self.take("name", "type", "account.id")[1]
                self.take(":")
                parts[key] = self.take("string")[1]
                if not self.is_next(","):
                    break
                self.take()
            self.take(")")
            return parts
        return self.take("string")[1]
