"""A whole module: python3 module.py [PORT]; it prints where it listens."""
import json, sys, time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STARTED = time.time()
QUEUES = {"mail": 3, "invoices": 12, "images": 0}
MANIFEST = {
    "contract": 1, "id": "queues", "version": "1.0.0", "title": "Queues",
    "endpoints": [{"path": "/queues", "description": "What waits",
                   "params": [{"name": "min", "type": "integer", "default": 0}]}],
    "widgets": [{"name": "waiting", "endpoint": "/queues", "refresh": "5s", "widget": {
        "title": "queues", "type": "table", "table": {"rows": "queues", "key": "name", "columns": [
            {"field": "name", "label": "queue", "format": "text", "grow": True},
            {"field": "waiting", "label": "waiting", "format": "integer"}]}}}],
    "events": {"types": ["queue.grew"]},
    "bridge": {"answers": ["/queues"], "publishes": ["queue.grew"], "asks": ["inventory:/api/stock"],
               "subscribes": ["inventory:stock.low"]}}
HEARD = []  # what other modules answered and told, newest last


class Module(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()

    def answer(self, body, status=200, kind="application/json"):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.head(status, ("Content-Type", kind), ("Content-Length", str(len(body))))
        self.wfile.write(body)

    def problem(self, status, title, detail):
        self.answer({"type": "about:blank", "title": title, "status": status, "detail": detail},
                    status, "application/problem+json")

    def events(self):
        self.head(200, ("Content-Type", "text/event-stream"), ("Connection", "close"))
        last = int(self.headers.get("Last-Event-ID") or 0)
        while True:  # here: one event every ten seconds
            number = int((time.time() - STARTED) / 10) + 1
            text = ": still here\n\n"
            if number > last:
                at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                last, data = number, {"type": "queue.grew", "at": at, "severity": "info",
                                      "message": "mail grew", "fields": {"waiting": QUEUES["mail"]},
                                      "invalidates": ["/queues"], "topic": "queue.grew"}
                ask = {"ask": str(number), "to": "inventory", "path": "/api/stock"}
                text = f"id: {number}\nevent: queue.grew\ndata: {json.dumps(data)}\n\n"
                text += f"event: ccm.ask\ndata: {json.dumps(ask)}\n\n"
            self.wfile.write(text.encode())
            self.wfile.flush()
            time.sleep(1)

    def do_POST(self):  # answers to /ccm/v1/replies, events of others to /ccm/v1/deliveries
        HEARD.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.head(204)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/ccm/v1/manifest":
            self.answer(MANIFEST)
        elif url.path == "/ccm/v1/health":
            self.answer({"status": "running", "version": MANIFEST["version"]})
        elif url.path == "/ccm/v1/metrics":
            lines = [f'queue_waiting{{queue="{name}"}} {n}\n' for name, n in QUEUES.items()]
            self.answer("# TYPE queue_waiting gauge\n" + "".join(lines), 200, "text/plain; version=0.0.4")
        elif url.path == "/ccm/v1/events":
            self.events()
        elif url.path == "/queues":
            least = parse_qs(url.query).get("min", ["0"])[0]
            if not least.isdigit():
                return self.problem(400, "Not a number", "min is a whole number")
            waiting = [{"name": n, "waiting": w} for n, w in QUEUES.items() if w >= int(least)]
            self.answer({"queues": waiting, "total": sum(QUEUES.values()), "heard": len(HEARD)})
        else:
            self.problem(404, "No such endpoint", "the manifest names the endpoints")


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Module)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
