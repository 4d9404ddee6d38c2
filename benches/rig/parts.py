"""What is measured, part by part. Each function makes one run and returns its line."""
import os
import time

from rig import tools
from rig.server import Server

# Begun a second while media runs build up.
RAMP = 80
# A recording has to be finished so long after its call, seconds; then it counts as missing.
FILES_S_MAX = 180


class Rig:
    """The built programs, and how long runs take."""

    def __init__(self, built, short):
        self.built = built
        self.setup_s = 5 if short else 8
        self.window_s = 6 if short else 10
        self.load_s = 4 if short else 6

    def server(self, pushes=False, recordings="wav"):
        return Server(self.built["server"], pushes, recordings)

    def setups(self, rate):
        """Set-ups at one rate, with their durable record and events."""
        with self.server() as server:
            line = tools.siprate(server, [rate], self.setup_s)[0]
            line["records"] = server.count("record")
        return {"part": "setups", **line}

    def setups_pushed(self, rate):
        """The same while every event is pushed to a receiver beside it."""
        with self.server(pushes=True) as server:
            path = f"{server.folder}/pushes"
            receiver = tools.start_receiver(self.built["program"], self.setup_s + 4, path)
            line = tools.siprate(server, [rate], self.setup_s)[0]
            receiver.wait()
            delays = tools.push_delays(server, path)
        return {"part": "setups pushed", **line, "pushes": len(delays), "push_ms": spread(delays)}

    def search(self, rate):
        """The highest clean rate."""
        with self.server() as server:
            return {"part": "search", **tools.siprate(server, [rate], self.setup_s, "--search")[-1]}

    def search_floor(self, rate):
        """The highest rate of the two sipps without a server between them."""
        return {"part": "search floor", **tools.siprate(None, [rate], self.setup_s, "--search")[-1]}

    def delay(self, rate):
        """Set-up times of calls without media, exact."""
        with self.server() as server:
            line = self.signalling(server, rate)
            line["records"] = server.count("record")
        return {"part": "delay", **line}

    def delay_floor(self, rate):
        """The same without a server."""
        return {"part": "delay floor", **self.signalling(None, rate)}

    def signalling(self, server, rate):
        words = ["--hold", "1"]
        return tools.callload(self.built["callload"], server, "bench", rate * self.setup_s, rate, *words)

    def sound(self, user, calls, recordings="wav"):
        """Bridged calls with sound both ways; `rec` also waits for its files, of this kind. A run whose generator was late is void."""
        for attempt in range(1, tools.TRIES_MAX + 1):
            with self.server(recordings=recordings) as server:
                line = self.one_sound(server, user, calls)
            if not tools.is_late(line):
                break
            print(f"    void: the generator was {line['media']['gen_late_ms']['p99']} ms late (attempt {attempt})",
                  flush=True)
        what = f"{user}, {recordings}" if user == "rec" else user
        return {"part": "sound", "user": what, "attempts": attempt, "void": tools.is_late(line), **line}

    def one_sound(self, server, user, calls):
        words = ["--media", "--settle", "2", "--window", str(self.window_s)]
        line = tools.callload(self.built["callload"], server, user, calls, RAMP, *words)
        ended, cpu = time.monotonic(), server.cpu_s()
        line["records"] = server.count("record")
        rss = line["rss_mb"]
        line["kb_per_call"] = round((rss["up"] - rss["before"]) * 1000 / max(1, line["max_up"]), 1)
        if user == "rec":
            server.until("every recording is finished", FILES_S_MAX, lambda: server.count("piece") == 0)
            line["files"], line["files_s"] = server.files(), round(time.monotonic() - ended, 1)
            line["cpu_ms_per_call_s_encoded"] = encoded(line, server.cpu_s() - cpu)
        return line

    def sound_floor(self, calls):
        """The generator alone: its own lateness and delay."""
        words = ["--media", "--settle", "1", "--window", str(self.window_s)]
        return {"part": "sound floor", **tools.callload(self.built["callload"], None, "bench", calls, RAMP, *words)}

    def requests(self, asked):
        """Signed requests, as many as are answered."""
        with self.server() as server:
            line = tools.program(self.built["program"], asked, self.load_s)
            cpu = server.cpu_s()
            line["records"] = server.count("record")
        return {"part": "requests", **line, "cpu_ms_per_request": round(1000 * cpu / max(1, line["requests"]), 3)}

    def pushes(self, rate):
        """From an event to the arrival of its push, at a rate of requests that each lead to one."""
        with self.server(pushes=True) as server:
            path = f"{server.folder}/pushes"
            words = ["--rate", str(rate), *tools.receive(path)]
            line = tools.program(self.built["program"], "presence", self.load_s, *words)
            delays = tools.push_delays(server, path, line["began_ms"])
            line["pushes"], line["dead"] = len(delays), server.count("dead_letter")
        return {"part": "pushes", **line, "push_ms": spread(delays)}


def encoded(line, cpu_after_run_s):
    """Processor milliseconds for each recorded call-second, with all that is done after the window until the last file is
    finished, but for the sound that still ran then. (The hang-ups are in it.)"""
    media = line["media"]
    after_s = media["cpu_s_after"] + cpu_after_run_s - media["cpu_ms_per_call_s"] * media["call_s_after"] / 1000
    return round(media["cpu_ms_per_call_s"] + 1000 * after_s / max(1, line["call_s"]), 4)


def spread(ordered):
    if not ordered:
        return None
    at = lambda share: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
    return {"p50": at(0.5), "p99": at(0.99), "max": at(1)}


def machine():
    """What it was measured on."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} processors ({model}), Linux {os.uname().release}"
