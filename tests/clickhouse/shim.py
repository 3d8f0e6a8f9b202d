"""ClickHouse's HTTP interface over the engine in this process, as much of it as the crate `clickhouse` uses: for tests where no server is.

    shim.py DIR [TEXT REPLACEMENT]     serves the data in DIR, prints where, and ends with its standard input

Back-ups go to DIR/backups: `File('name')`. SQL that holds TEXT is run with REPLACEMENT in its place: a seeded fault, for tests of tests.

POST / has the SQL in the URL, and data as its body; or it in the body; or it and its parameters in a form. Parameters of the URL that are
none of these are settings. Not covered: compression, errors amid an answer, users, TLS, replicas.
"""

import email.parser
import email.policy
import json
import os
import queue
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb

# Requests that are served at a time: `USE` and `SET` are a connection's, so each has one of its own.
CONNECTIONS = 4
NOT_SETTINGS = {"query", "database", "default_format", "query_id", "user", "password", "role", "compress", "decompress"}
INSERT = re.compile(r"\s*INSERT\s+INTO\b(.*?)\bFORMAT\s+(\w+)\s*;?\s*", re.IGNORECASE | re.DOTALL)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
# `http_max_field_value_size` of a server.
MAX_FIELD_BYTES = 128 * 1024
# By the number of the error; 500 otherwise.
STATUS = {36: 400, 47: 400, 60: 404, 62: 400, 81: 404, 159: 408, 457: 400}


def literal(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Engine:
    """The connections."""

    def __init__(self, path, text="", replacement=""):
        self.text, self.replacement = text, replacement
        self.idle = queue.LifoQueue()
        path = Path(path).absolute()
        path.mkdir(exist_ok=True)
        config = path / "config.xml"
        config.write_text(f"<clickhouse><backups><allowed_path>{path}/backups/</allowed_path></backups></clickhouse>")
        for _ in range(CONNECTIONS):
            self.idle.put(chdb.connect(f"{path}?config-file={config}"))

    def run(self, sql, given, data):
        """The answer's bytes."""
        settings = {name: value for name, value in given.items() if name not in NOT_SETTINGS and not name.startswith("param_")}
        parameters = {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")}
        if self.text:
            sql = sql.replace(self.text, self.replacement)
        connection = self.idle.get()
        try:
            connection.query("USE `%s`" % (given.get("database") or "default").replace("`", "``"))
            for name, value in settings.items():
                connection.query(f"SET {name} = {literal(value)}")
            insert = INSERT.fullmatch(sql)
            if insert and data:
                # Its own way to take rows (`send_insert`) is silent about some refusals, as by a constraint.
                with tempfile.NamedTemporaryFile() as rows:
                    rows.write(data)
                    rows.flush()
                    connection.query(f"INSERT INTO{insert[1]} FROM INFILE {literal(rows.name)} FORMAT {insert[2]}")
                return b""
            named = FORMAT.search(sql)
            return connection.query(sql, named[1] if named else given.get("default_format", "TabSeparated"), params=parameters or None).bytes()
        finally:
            for name in settings:
                connection.query(f"SET {name} = DEFAULT")
            self.idle.put(connection)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Says nothing."""

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            """Whoever asked has gone: a page that was closed, a server that was ended, a cut between the two."""

    def exactly(self, size):
        """So many bytes: what comes of less is nothing, as of an INSERT that was cut off."""
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionResetError
        return data

    def line(self):
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        return line

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.exactly(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.line().split(b";")[0], 16):
            parts.append(self.exactly(size))
            self.line()
        self.line()
        return b"".join(parts)

    def do_POST(self):
        body = self.body()
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            text = b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
            for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text).iter_parts():
                value = part.get_payload(decode=True)
                if len(value) > MAX_FIELD_BYTES:
                    self.answer(400, b"Code: 36. Field value too long", {"X-ClickHouse-Exception-Code": "36"})
                    return
                given[part.get_param("name", header="content-disposition")] = value.decode()
            body = b""
        sql, data = (given["query"], body) if given.get("query") else (body.decode(), b"")
        try:
            self.answer(200, self.server.engine.run(sql, given, data))
        except Exception as problem:  # The engine's are of no class of their own.
            code = re.search(r"Code: (\d+)\.", str(problem))
            number = int(code[1]) if code else 1001
            self.answer(STATUS.get(number, 500), str(problem).encode(), {"X-ClickHouse-Exception-Code": str(number)})

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "X-ClickHouse-Summary": json.dumps({}), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as a burst brings."""

    request_queue_size = 128


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.engine = Engine(*sys.argv[1:])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    # Threads of the engine would be waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
