"""The server that is measured: built, given a folder and a configuration of its own, started and ended."""
import json
import os
import re
import signal
import shutil
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
EXAMPLE = f"{REPOSITORY}/docs/bench.example.toml"
APPKEY = "2000103"
SECRET = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3"
# Not 127.0.0.1: its many RTP ports would be those of tests that run beside it.
SIP = "127.0.0.5:5060"
HTTP = "127.0.0.1:8080"
CALLER = "127.0.0.2"
CALLEE = "127.0.0.3:5080"
# Where agents' mobiles and their customers are, and where pushes go.
CARRIER = "127.0.0.4:5090"
RECEIVER = "127.0.0.1:8090"
AGENTS = 300
START_S, END_S = 30, 40


def target():
    return os.environ.get("CARGO_TARGET_DIR", f"{REPOSITORY}/target")


def build(as_it_is=False):
    """Builds what is measured and what measures, unless they are to be taken as they are; returns where they are."""
    for package in [] if as_it_is else ["server", "program"]:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--package", package], cwd=REPOSITORY, check=True)
    folder = f"{target()}/benches"
    os.makedirs(folder, exist_ok=True)
    callload = f"{folder}/callload"
    subprocess.run(["cc", "-O2", "-Wall", "-o", callload, f"{REPOSITORY}/benches/callload.c", "-lm"], check=True)
    return {"server": f"{target()}/release/cordboard", "program": f"{target()}/release/program", "callload": callload}


def apart():
    """Before a program is started: where the kernel schedules by group, each gets a group that compilers do not crowd out."""
    os.setsid()
    try:
        with open("/proc/self/autogroup", "w") as file:
            file.write("-10")
    except OSError:
        pass


class Server:
    """Use it with `with`. Its folder is on the disk of the build, so that a commit costs what it costs there."""

    def __init__(self, binary, pushes=False, recordings="wav"):
        self.folder = tempfile.mkdtemp(prefix="server-", dir=f"{target()}/benches")
        self.data = f"{self.folder}/data"
        path = f"{self.folder}/cordboard.toml"
        with open(EXAMPLE) as example, open(path, "w") as file:
            file.write(configuration(example.read(), pushes, recordings))
        self.log = open(f"{self.folder}/log", "wb")
        command = [binary, "serve", "--config", path]
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, preexec_fn=apart)
        self.pid = self.process.pid
        self.until("it serves", START_S, self.is_ready)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        for line in self.complaints():
            print(f"    the server says: {line}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def complaints(self):
        with open(f"{self.folder}/log", errors="replace") as file:
            bad = [line.strip() for line in file if " ERROR " in line or " WARN " in line or "panicked" in line]
        return bad[:5] + ([f"… {len(bad) - 5} more"] if len(bad) > 5 else [])

    def is_ready(self):
        if self.process.poll() is not None:
            with open(f"{self.folder}/log", errors="replace") as file:
                raise RuntimeError(f"the server ended:\n{file.read()}")
        try:
            return urllib.request.urlopen(f"http://{HTTP}/readyz", timeout=2).status == 200
        except OSError:
            return False

    def until(self, what, seconds, is_so, pause_s=0.1):
        """Waits for something; returns how long that took."""
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > seconds:
                raise RuntimeError(f"after {seconds} s it is not so that {what}")
            time.sleep(pause_s)
        return time.monotonic() - began

    def cpu_s(self):
        """Processor time so far, with that of helpers that have ended (an encoder may be a program of its own)."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def count(self, table):
        """Rows of a table of the store."""
        return self.query(f"SELECT count(*) FROM {table}")[0][0]

    def query(self, sql):
        connection = sqlite3.connect(f"file:{self.data}/cordboard.db?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def files(self):
        """Finished recordings that are not empty."""
        found = 0
        for folder, _folders, names in os.walk(f"{self.data}/recordings"):
            found += sum(name.endswith((".wav", ".mp3")) and os.path.getsize(f"{folder}/{name}") > 1000 for name in names)
        return found

    def events(self):
        """When each event happened, milliseconds since 1970, by its id."""
        rows = self.query("SELECT event FROM log WHERE event IS NOT NULL")
        return {event["id"]: event["at"] for event in (json.loads(text) for text, in rows)}


def configuration(example, pushes, recordings):
    """The example with the folder, the limits and the agents of a benchmark, and a carrier for their calls."""
    server = {
        "http_listen": f'"{HTTP}"', "sip_listen": f'"{SIP}"', "data_dir": '"data"', "disk_free_min_mb": "0",
        "allow_private_push": "true",
        # Ports rest for five seconds after a call: enough for two thousand short ones a second.
        "rtp_port_min": "9000", "rtp_port_max": "31999", "legs_max": "5000",
    }
    account = {"secrets": f'["{SECRET}"]', "requests_per_minute": "0", "calls_max": "5000", "trunks": '["carrier"]',
               "default_number": '"02258834811"', "recording_format": f'"{recordings}"'}
    text = re.sub(rf"^({'|'.join([*server, *account])}) *=.*\n", "", example, flags=re.MULTILINE)
    text = with_keys(text, "[server]", server)
    text = with_keys(text, "[[account]]", account, before=f'[[trunk]]\nname = "carrier"\naddresses = ["{CARRIER}"]\n\n')
    if "[[account.edition]]" not in text:
        text += f'\n[[account.edition]]\nname = "bench"\nlicences = {AGENTS}\n'
    for number in range(8000, 8000 + AGENTS):
        text += f'\n[[account.agent]]\nnumber = "{number}"\nmobile = "1380000{number}"\nwrap_up_s = 0\n'
    if pushes:
        text += f'\n[[account.push]]\nurl = "http://{RECEIVER}/"\n'
    return text


def with_keys(text, section, keys, before=""):
    """The text with keys at the head of the first such section."""
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return text.replace(f"\n{section}\n", f"\n{before}{section}\n{lines}", 1)
