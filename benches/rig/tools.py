"""Runs the load tools once and returns what they said."""
import json
import os
import shutil
import subprocess

from rig import server as rig_server
from rig.server import APPKEY, CALLEE, CALLER, CARRIER, HTTP, RECEIVER, REPOSITORY, SECRET, SIP, AGENTS

# A media run whose generator was later than this at the 99th percentile says more about the machine than about the server.
LATE_MS_MAX = 10
TRIES_MAX = 3


def said(command):
    """The lines of JSON that a program printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=rig_server.apart)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} said nothing and ended with {done.returncode}")
    return lines


def siprate(server, rates, seconds, *words):
    """With no server the callee is called directly: what sipp and the machine can do at most."""
    to = ["--server", SIP, "--pid", str(server.pid)] if server else ["--server", CALLEE]
    return said(["python3", f"{REPOSITORY}/benches/siprate.py", *to, "--uac", CALLER, "--uas", CALLEE, "--rates",
                 ",".join(map(str, rates)), "--secs", str(seconds), *words])


def callload(binary, server, user, calls, rate, *words):
    to = ["--server", SIP, "--pid", str(server.pid)] if server else ["--server", CALLEE]
    command = [binary, *to, "--uac", CALLER, "--uas", CALLEE, "--to", user, "--calls", str(calls), "--rate", str(rate)]
    return said(first() + command + list(words))[0]


def is_late(line):
    return line["media"]["gen_late_ms"]["p99"] > LATE_MS_MAX


def first():
    """The generator is one thread: near saturation it needs the processor before everybody else."""
    return ["chrt", "-f", "1"] if os.geteuid() == 0 and shutil.which("chrt") else []


def program(binary, asked, seconds, *words):
    return said([binary, "--http", HTTP, "--appkey", APPKEY, "--secret", SECRET, "--do", asked, "--agents", str(AGENTS),
                 "--secs", str(seconds), "--callee", CARRIER, *words])[0]


def push_delays(server, path, since_ms=0):
    """From an event to the arrival of its push, milliseconds, sorted; of the events since then."""
    events, delays = server.events(), []
    with open(path) as file:
        for line in file:
            at_us, event = line.split()
            if events.get(event, 0) >= max(1, since_ms):
                delays.append(int(at_us) / 1000 - events[event])
    return sorted(delays)


def receive(path):
    return ["--receive", RECEIVER, "--pushes", path]


def start_receiver(binary, seconds, path):
    """Takes pushes while something else makes the calls."""
    command = [binary, "--http", HTTP, "--do", "nothing", "--secs", str(seconds), *receive(path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=rig_server.apart)
