#!/usr/bin/env python3
"""A hub of one page in Python, with nothing installed, on a volume that the migrator made ready.

    MIGRATOR_MIGRATIONS=examples/python-hub/migrations npx migrator
    python3 examples/python-hub/hub.py

GET / shows the sensors, PUT /sensors/ID {"room"} makes one, DELETE /sensors/ID removes it with its readings, and
POST /sensors/ID/readings {"celsius"} adds a reading. Settings: DATABASE_URL, MIGRATOR_READY_FILE and PORT (8080).
It does not start without the ready marker: container engines restart a hub after a reboot without the migrator.
"""
import json
import os
import re
import signal
import sqlite3
import sys
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

url = os.environ.get("DATABASE_URL") or "sqlite:data/homelab.db"
database = Path(re.sub(r"^sqlite:(?://(?=/))?", "", url)).absolute()
marker = Path(os.environ.get("MIGRATOR_READY_FILE") or database.parent / ".ready")


def connect():
    """A connection to the database, which has to be there: SQLite itself would make an empty one."""
    connection = sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    # SQLite leaves foreign keys unchecked unless each connection asks for it
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def query(sql, *values):
    connection = connect()
    try:
        with connection:
            return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def page():
    rows = "".join(
        f"<tr><td>{escape(sensor['id'])}<td>{escape(sensor['room'])}<td>{'-' if sensor['celsius'] is None else sensor['celsius']}"
        for sensor in query("SELECT id, room, celsius FROM sensors ORDER BY id")
    )
    return f"<!doctype html><title>Sensors</title><table><tr><th>sensor<th>room<th>°C{rows}</table>\n"


class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            self.answer(200, page(), "text/html; charset=utf-8")
        else:
            self.answer(404)

    def do_PUT(self):
        self.change(r"/sensors/([\w-]+)", "INSERT INTO sensors (id, room) VALUES (?, ?)", "room")

    def do_POST(self):
        self.change(r"/sensors/([\w-]+)/readings", "INSERT INTO readings (sensor, celsius) VALUES (?, ?)", "celsius")

    def do_DELETE(self):
        self.change(r"/sensors/([\w-]+)", "DELETE FROM sensors WHERE id = ?")

    def change(self, path, sql, *fields):
        found = re.fullmatch(path, self.path)
        if found is None:
            return self.answer(404)
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            query(sql, found[1], *(body[field] for field in fields))
        except (ValueError, LookupError, TypeError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
            return self.answer(400, f"{error}\n")
        self.answer(204)

    def answer(self, status, text="", kind="text/plain; charset=utf-8"):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if not marker.exists():
    sys.exit(f"the hub does not start: there is no ready marker {marker}; run the migrator first")
server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Hub)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
