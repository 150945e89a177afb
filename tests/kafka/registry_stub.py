"""A schema registry out of order: it counts what it is asked, and fails when told to.

It speaks just the calls that tieflow makes, as Confluent's protocol describes them:

    GET  /schemas/ids/ID                {"schema": TEXT}, or 404
    POST /subjects/SUBJECT/versions     {"schema": TEXT} -> {"id": ID}, the old one for the old text
    GET  /subjects                      [SUBJECT, ...]
"""

import base64
import http.server
import json
import re
import threading
import urllib.parse

from tests.kafka.broker import HOST
from tests.kafka.registry import MEDIA_TYPE, Client


POLL_S = 0.02  # how soon it notices that it is to end


class StubRegistry(Client):
    """`with StubRegistry() as registry: ...`.

    login     ("user", "password") that every request must bring, else 401; None: anybody may ask
    fail      as many of the next requests as this get the status `failure`; -1: all
    body      not None: this, instead of any right answer
    requests  the "METHOD /path" of all that was asked
    """

    def __init__(self, login=None, first_id=1):
        self.login = login
        self.fail, self.failure, self.body = 0, 500, None
        self.requests = []
        self.by_text, self.by_id, self.names = {}, {}, set()
        self.next_id = first_id
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self):
                self.reply(*registry.answer(self.command, self.path, self.headers, b""))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.reply(*registry.answer(self.command, self.path, self.headers, body))

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", MEDIA_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(POLL_S,),
                                       daemon=True)
        user = f"{urllib.parse.quote(login[0])}:{urllib.parse.quote(login[1])}@" if login else ""
        port = self.server.server_address[1]
        self.url_with_login = f"http://{user}{HOST}:{port}"
        super().__init__(f"http://{HOST}:{port}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def register(self, subject, schema):
        """Without a request, so that none is counted and no login asked for."""
        return self.put(subject, schema)

    def put(self, subject, schema):
        self.names.add(subject)
        if schema not in self.by_text:
            self.by_text[schema] = self.next_id
            self.by_id[self.next_id] = schema
            self.next_id += 1
        return self.by_text[schema]

    def answer(self, method, path, headers, body):
        """(status, body) for one request."""
        self.requests.append(f"{method} {path}")
        if self.fail != 0:
            self.fail -= 1
            return self.failure, self.error(50001, "out of order")
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode()).decode()
            if headers.get("Authorization") != f"Basic {token}":
                return 401, self.error(401, "Unauthorized")
        if self.body is not None:
            return 200, self.body
        return self.right_answer(method, path, body)

    def right_answer(self, method, path, body):
        wanted = re.fullmatch(r"/schemas/ids/(\d+)", path)
        if method == "GET" and wanted:
            schema = self.by_id.get(int(wanted[1]))
            if schema is None:
                return 404, self.error(40403, "Schema not found")
            return 200, json.dumps({"schema": schema}).encode()
        subject = re.fullmatch(r"/subjects/([^/]+)/versions", path)
        if method == "POST" and subject:
            try:
                schema = json.loads(body)["schema"]
                json.loads(schema)
            except (ValueError, KeyError, TypeError):
                return 422, self.error(42201, "Invalid schema")
            number = self.put(urllib.parse.unquote(subject[1]), schema)
            return 200, json.dumps({"id": number}).encode()
        if method == "GET" and path == "/subjects":
            return 200, json.dumps(sorted(self.names)).encode()
        return 404, self.error(404, "Not found")

    @staticmethod
    def error(code, message):
        return json.dumps({"error_code": code, "message": message}).encode()
