#!/usr/bin/env python3
"""Signalling load through a back-to-back user agent, with sipp as caller and callee.

Runs the scenarios sipp/uac.xml and sipp/uas.xml at one or more rates and prints one line of JSON per run: calls, failures,
retransmissions, set-up times, the server's processor time per call (from /proc/PID/stat), its memory, and how busy the
machine was. --search doubles the rate while runs are clean and then bisects. A run is clean with no failed call, at most
--retx percent of calls retransmitted, and at least 93 percent of the wanted rate reached.

It knows nothing of what answers at --server. Measured is what sipp sees, on the same processors.
"""
import argparse
import csv
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
REACHED_MIN = 0.93


def cpu_s(pids):
    """Processor time that processes used so far, with all their threads, seconds."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def rss_mb(pids):
    """Memory that processes hold now, megabytes."""
    total_kb = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                total_kb += sum(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        except OSError:
            continue
    return round(total_kb / 1024, 1)


def machine():
    """Ticks of all processors so far, and those in which they were idle."""
    with open("/proc/stat") as file:
        ticks = [int(field) for field in file.readline().split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def percentile(values, share):
    return round(values[min(len(values) - 1, int(share * len(values)))], 3) if values else None


class Pair:
    """Both sipps of one run."""

    def __init__(self, options, rate, calls):
        self.options, self.folder = options, tempfile.mkdtemp(prefix="siprate-")
        self.limit_s = int(options.secs + options.hold + 40)
        callee, port = options.uas.split(":")
        self.callee = self.start("uas", callee, ["-p", port])
        time.sleep(0.3)
        self.caller_words = [options.server, "-s", options.to, "-p", "5070", "-r", str(rate), "-m", str(calls),
                             "-l", str(calls), "-d", str(int(options.hold * 1000)), "-trace_rtt", "-rtt_freq", "200"]

    def start(self, side, address, words):
        command = [self.options.sipp, "-sf", f"{HERE}/sipp/{side}.xml", "-i", address, "-nostdin", "-t", "u1",
                   "-trace_stat", "-fd", "1", "-stf", f"{self.folder}/{side}.csv", "-trace_err",
                   "-error_file", f"{self.folder}/{side}.err", "-timeout", str(self.limit_s), "-buff_size", "4000000"]
        return subprocess.Popen(command + words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def call(self, look):
        """Makes the calls; `look` is called a few times a second meanwhile."""
        began = time.time()
        caller = self.start("uac", self.options.uac, self.caller_words)
        while caller.poll() is None:
            time.sleep(0.2)
            look()
            if time.time() - began > self.limit_s + 5:
                caller.kill()
        return time.time() - began

    def end(self):
        self.callee.terminate()
        try:
            self.callee.wait(5)
        except subprocess.TimeoutExpired:
            self.callee.kill()
            self.callee.wait()

    def counts(self):
        with open(f"{self.folder}/uac.csv") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1] if rows else {}
        return {name: int(float(last.get(f"{name}(C)") or 0))
                for name in ["SuccessfulCall", "FailedCall", "Retransmissions"]}

    def setups_ms(self):
        """Sorted. sipp's clock is coarse: whole milliseconds at best; callload has exact ones."""
        times = []
        for path in glob.glob(f"{self.folder}/*_rtt.csv"):
            with open(path) as file:
                times += [float(row.split(";")[1]) for row in file.read().splitlines()[1:]]
        return sorted(times)

    def errors(self):
        try:
            with open(f"{self.folder}/uac.err", errors="replace") as file:
                return file.read()[:600]
        except OSError:
            return ""


def run(options, rate):
    calls = max(20, int(rate * options.secs))
    pair = Pair(options, rate, calls)
    rss_before, peak = rss_mb(options.pids), [0.0]
    cpu_before, machine_before = cpu_s(options.pids), machine()

    def look():
        peak[0] = max(peak[0], rss_mb(options.pids))

    took = pair.call(look)
    machine_after = machine()
    time.sleep(options.drain)
    cpu = cpu_s(options.pids) - cpu_before
    pair.end()
    counts, setups = pair.counts(), pair.setups_ms()
    ok = counts["SuccessfulCall"]
    failed = max(counts["FailedCall"], calls - ok)
    reached = calls / max(0.001, took - options.hold)
    retx_pct = 100 * counts["Retransmissions"] / calls
    all_ticks, idle = (after - before for after, before in zip(machine_after, machine_before))
    line = {
        "label": options.label, "to": options.to, "rate": rate, "calls": calls, "ok": ok, "failed": failed,
        "retx": counts["Retransmissions"], "retx_pct": round(retx_pct, 3), "reached": round(reached, 1),
        "secs": round(took, 2), "cpu_s": round(cpu, 2), "cpu_ms_per_call": round(1000 * cpu / max(1, ok), 3),
        "setup_ms": {"p50": percentile(setups, 0.5), "p99": percentile(setups, 0.99),
                     "max": round(setups[-1], 3) if setups else None},
        "rss_mb": {"before": rss_before, "peak": peak[0]},
        "box_busy_pct": round(100 * (1 - idle / max(1, all_ticks)), 1),
        "clean": failed == 0 and retx_pct <= options.retx and reached >= REACHED_MIN * rate,
    }
    tell(options, line)
    if failed:
        sys.stderr.write(pair.errors() + "\n")
    shutil.rmtree(pair.folder, ignore_errors=True)
    return line["clean"]


def search(options, rate):
    """Doubles while clean, then bisects between the highest clean and the lowest unclean rate."""
    clean, unclean = 0.0, None
    while rate <= options.max:
        if run(options, rate):
            clean = rate
        else:
            unclean = rate
        if unclean is None:
            rate *= 2
        elif unclean - clean <= max(5, 0.08 * unclean):
            break
        else:
            rate = round((clean + unclean) / 2)
        time.sleep(options.rest)
    tell(options, {"label": options.label, "highest_clean": clean, "lowest_unclean": unclean})


def tell(options, line):
    print(json.dumps(line), flush=True)
    if options.json:
        with open(options.json, "a") as file:
            file.write(json.dumps(line) + "\n")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="ADDRESS:PORT of what is measured")
    parser.add_argument("--uac", default="127.0.0.2", help="the caller's address")
    parser.add_argument("--uas", default="127.0.0.3:5080", help="the callee's address and port")
    parser.add_argument("--to", default="bench", help="the user who is called")
    parser.add_argument("--pid", default="", help="processes of the server, with commas between them")
    parser.add_argument("--sipp", default="sipp", help="the program")
    parser.add_argument("--rates", default="50", help="calls a second, with commas between them")
    parser.add_argument("--search", action="store_true", help="look for the highest clean rate from the first of them")
    parser.add_argument("--max", type=float, default=3000, help="where a search ends")
    parser.add_argument("--secs", type=float, default=15, help="for how long calls are begun")
    parser.add_argument("--hold", type=float, default=1, help="how long a call is up, seconds")
    parser.add_argument("--repeat", type=int, default=1, help="runs at each rate")
    parser.add_argument("--retx", type=float, default=0.5, help="most percent of calls with a retransmission")
    parser.add_argument("--drain", type=float, default=2, help="what the server has after the last call, seconds")
    parser.add_argument("--rest", type=float, default=1, help="pause between runs, seconds")
    parser.add_argument("--label", default="")
    parser.add_argument("--json", default="", help="a file to which the lines are added")
    options = parser.parse_args()
    options.pids = [int(pid) for pid in options.pid.split(",") if pid]
    return options


def main():
    options = read_options()
    rates = [float(rate) for rate in options.rates.split(",")]
    if options.search:
        search(options, rates[0])
        return
    for rate in rates:
        for _ in range(options.repeat):
            run(options, rate)
            time.sleep(options.rest)


if __name__ == "__main__":
    main()
