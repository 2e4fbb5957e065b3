"""A mail server and a webhook on loopback, which fail, hang and come back when told to."""

import json
import socketserver
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast

Mood = Literal["well", "fails", "hangs", "forgets"]  # forgets: takes it, and breaks off unanswered


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail as it came."""

    to: str
    subject: str
    text: str
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Server:
    """What both have in common. `got`: all that was taken, in order; `tries` counts all."""

    mood: Mood = "well"
    got: list[Any] = field(default_factory=list)
    tries: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    woken: threading.Event = field(default_factory=threading.Event)
    _server: Any = None

    def start(self) -> None:
        self._server = self.make()
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def make(self) -> Any:
        raise NotImplementedError

    def stop(self) -> None:
        self.woken.set()  # those that hang go
        self._server.shutdown()
        self._server.server_close()

    def be(self, mood: Mood) -> None:
        """Change its mood; hanging requests are let go, unanswered."""
        self.mood = mood
        self.woken.set()
        self.woken = threading.Event()

    @property
    def keys(self) -> list[str]:
        raise NotImplementedError


class _Threaded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    mine: "MailServer"


class _Session(socketserver.StreamRequestHandler):
    """As much SMTP as a client without TLS wants."""

    to = ""
    mood: Mood = "well"

    def handle(self) -> None:
        self.mine = cast("_Threaded", self.server).mine
        with suppress(ConnectionError):  # the client may be killed
            self.talk()

    def talk(self) -> None:
        self.mood = self.mine.mood  # as it is when it is asked, whatever it is later
        woken = self.mine.woken
        self.mine.tries += 1
        if self.mood == "hangs":
            woken.wait(60)
            return
        self.say("220 here")
        while line := self.rfile.readline():
            if not self.answer(line.decode().strip()):
                return

    def answer(self, line: str) -> bool:
        word = line[:4].upper()
        if word == "MAIL" and self.mood == "fails":
            self.say("451 not now")
        elif word == "RCPT":
            self.to = line.partition(":")[2].strip("<> ")
            self.say("250 ok")
        elif word == "DATA":
            self.say("354 go on")
            self.mine.got.append(_mail(self.to, self.body()))
            if self.mood == "forgets":
                return False
            self.say("250 taken")
        else:
            self.say("221 bye" if word == "QUIT" else "250 ok")
        return word != "QUIT"

    def body(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(Server):
    """A mail server for one recipient a mail."""

    def make(self) -> Any:
        made = _Threaded(("127.0.0.1", self.port), _Session)
        made.mine = self
        return made

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?to=duty@town.example&from=hyper@town.example"

    @property
    def keys(self) -> list[str]:
        return [mail.key for mail in self.got]


def _mail(to: str, raw: bytes) -> Mail:
    message = message_from_bytes(raw)
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    whole = parts[0] if parts else message
    text = cast("bytes", whole.get_payload(decode=True)).decode()
    subject = str(make_header(decode_header(message["Subject"])))
    key = str(make_header(decode_header(message["Idempotency-Key"])))
    headers = {name: str(make_header(decode_header(each))) for name, each in message.items()}
    return Mail(to=to, subject=subject, text=text, key=key, headers=headers)


class Webhook(Server):
    """Takes JSON."""

    def make(self) -> Any:
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                mood, woken = mine.mood, mine.woken
                mine.tries += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if mood == "hangs":
                    woken.wait(60)
                    return
                if mood != "fails":
                    mine.got.append((self.headers["Idempotency-Key"], json.loads(body)))
                if mood == "forgets":
                    return
                self.send_response(503 if mood == "fails" else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return ThreadingHTTPServer((self.host, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.got]
