# PORT=3000 WEBHOOK_SECRET=whsec_… python receiver.py
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = set()  # yours: a table with a unique id


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            # The bytes as they came; raises unless they are signed, and lately.
            event = webhook.verify(body, {k.lower(): v for k, v in self.headers.items()})
        except WebhookVerificationError:
            return self.answer(401)
        if event["id"] not in seen:
            handle(event)
            seen.add(event["id"])
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def handle(event):
    payload = event["payload"]
    print(event["event"], payload.get("id", ""), payload.get("mediaUrl", ""), flush=True)


address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"]))
ThreadingHTTPServer(address, Receiver).serve_forever()
